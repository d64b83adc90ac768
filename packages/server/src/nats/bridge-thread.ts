import { systemRuntime } from '@flotilla/core';
import { errorRecord } from '@flotilla/core/internal';
import { BridgeEnd, connectNats, ServerBridge, trafficIn } from '@flotilla/protocol/nats';
import type { BridgeTask, FromBridge, ToBridge } from '../hosts/nats.js';
import { uploadOf } from './sent-data.js';

const LOOK_MS = 1000;

/** Entry of the thread that has the connection to the broker: it computes nothing, so that it always answers. */
export default async function bridge({ nats, run, workers, traffic, port }: BridgeTask): Promise<void> {
  const tell = (message: FromBridge) => port.postMessage(message);
  const heard: ToBridge[] = [];
  let wake = () => {};
  port.on('message', (message: ToBridge) => {
    heard.push(message);
    wake();
  });
  try {
    const wire = await connectNats(nats, `flotilla server ${run}`);
    const now = () => systemRuntime.now();
    const served = new ServerBridge({
      wire,
      run,
      workers,
      now,
      sent: trafficIn(traffic, 0),
      received: trafficIn(traffic, 1),
      note: (line) => tell({ type: 'note', line }),
    });
    let gathering = false;
    const looking = setInterval(() => {
      if (gathering) tell({ type: 'missing', workers: served.missing });
    }, LOOK_MS);
    for (;;) {
      const message = heard.shift();
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (message.type === 'offer') {
        gathering = true;
        const { offer, least, dataPath } = message;
        const upload = dataPath !== undefined && offer.data && uploadOf(dataPath, offer.data.bytes);
        void served.gather(offer, least, upload || undefined).then((hosts) => {
          gathering = false;
          tell({ type: 'gathered', hosts });
        });
      } else if (message.type === 'serve') {
        const end = new BridgeEnd(message.attachment, systemRuntime);
        served
          .serve(end, message.hosts, {
            lost: (error) => tell({ type: 'lost', error: errorRecord(error) }),
            joined: (number, host) => tell({ type: 'joined', number, host }),
            left: (number, reason) => tell({ type: 'left', number, reason: errorRecord(reason) }),
          })
          .catch((error) => tell({ type: 'lost', error: errorRecord(error) }));
      } else {
        clearInterval(looking);
        await served.close(message.last);
        return;
      }
    }
  } catch (thrown) {
    tell({ type: 'lost', error: errorRecord(thrown) });
  } finally {
    port.close();
  }
}
