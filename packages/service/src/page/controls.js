// @ts-check
import { ask, runPath } from './api.js';
import { byId, setText } from './dom.js';

/** @import { RunView } from './api.js' */

/** Shows a question, and resolves to whether it was answered with yes. @returns {Promise<boolean>} */
function confirmed(/** @type {string} */ question, /** @type {string} */ yes) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('confirm'));
  byId('confirm-text').textContent = question;
  byId('confirm-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

/** Says something to everybody, screen readers too. */
export function say(/** @type {string} */ text) {
  setText(byId('said'), text);
}

/** The buttons of the run that is shown: stop, checkpoint, resume, delete. */
export class Controls {
  /** @type {RunView | undefined} */
  #view;

  constructor(/** @type {(view: RunView | undefined) => void} */ onDone) {
    this.onDone = onDone;
    this.stop = this.#button('stop', async ({ id, method }) => {
      if (!(await confirmed(`Stop ${method}, run ${id}, after the round that is under way?`, 'Stop the run'))) return;
      onDone(await ask(`${runPath(id)}/stop`, { method: 'POST' }));
      say('The run is stopping.');
    });
    this.checkpoint = this.#button('checkpoint', async ({ id }) => {
      say('Taking a checkpoint …');
      const { round } = await ask(`${runPath(id)}/checkpoint`, { method: 'POST' });
      say(`Checkpoint of round ${round} is on the disk.`);
    });
    this.resume = this.#button('resume', async ({ id }) => {
      const view = await ask(`${runPath(id)}/resume`, { method: 'POST' });
      onDone(view);
      say(view.state === 'queued' ? 'The run waits for its turn to go on.' : 'The run goes on.');
    });
    this.delete = this.#button('delete', async ({ id, method }) => {
      if (!(await confirmed(`Delete ${method}, run ${id}, and all its files?`, 'Delete the run'))) return;
      await ask(runPath(id), { method: 'DELETE' });
      say(`Run ${id} is deleted.`);
      onDone(undefined);
    });
  }

  #button(/** @type {string} */ name, /** @type {(view: RunView) => Promise<void>} */ act) {
    const button = /** @type {HTMLButtonElement} */ (byId(name));
    button.onclick = async () => {
      const view = this.#view;
      // not disabled meanwhile: it would lose the focus
      if (view === undefined || button.ariaBusy === 'true') return;
      button.ariaBusy = 'true';
      try {
        await act(view);
      } catch (error) {
        say(`That did not work: ${/** @type {Error} */ (error).message}`);
      } finally {
        button.ariaBusy = null;
      }
    };
    return button;
  }

  update(/** @type {RunView} */ view, /** @type {boolean} */ reachable) {
    this.#view = view;
    for (const name of /** @type {const} */ (['stop', 'checkpoint', 'resume', 'delete'])) {
      this[name].hidden = !view.can[name] || !reachable;
    }
  }
}
