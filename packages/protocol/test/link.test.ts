import { KeyedRandom, UsageError } from '@flotilla/core';
import { describe, expect, it, test } from 'vitest';
import { linksOf, parseLink, parseLinkModel } from '../dist/network/grammar.js';
import { Link } from '../dist/network/link.js';

const random = new KeyedRandom('0');
const links = (text: string, workers: number) => linksOf(parseLink(text), workers, random);

describe('a link spec', () => {
  test('rates, latency, duplex, in any unit and case', () => {
    const { up, down, latency, halfDuplex } = links('up=1.5mbit, down=50Mbit,latency=250us,duplex=half', 2);
    expect([...up, ...down]).toEqual([1.5e6, 1.5e6, 50e6, 50e6]);
    expect([...latency]).toEqual([0.25, 0.25]);
    expect(halfDuplex).toBe(true);
    expect([...links('up=1bit/1kbit/1gbit,latency=1s/2ms/3us', 3).up]).toEqual([1, 1e3, 1e9]);
  });

  test('what is left out does not limit', () => {
    expect(links('latency=1ms', 1)).toEqual({
      up: Float64Array.of(Number.POSITIVE_INFINITY),
      down: Float64Array.of(Number.POSITIVE_INFINITY),
      latency: Float64Array.of(1),
      halfDuplex: false,
    });
    expect(links('up=1mbit', 1).latency).toEqual(Float64Array.of(0));
  });

  test('a list is repeated until every worker has a value', () => {
    expect([...links('up=2x1mbit/3mbit', 7).up]).toEqual([1e6, 1e6, 3e6, 1e6, 1e6, 3e6, 1e6]);
  });

  test('a range is log-uniform over the workers, and the same in every run with the seed', () => {
    const rates = [...links('down=1mbit..100mbit', 10_000).down];
    expect(rates).toEqual([...links('down=1mbit..100mbit', 10_000).down]);
    expect(rates.every((rate) => rate >= 1e6 && rate <= 100e6)).toBe(true);
    // uniform in the logarithm: standard error of the mean 0.58 / 100, and half of the workers below 10 Mbit/s
    const mean = rates.reduce((sum, rate) => sum + Math.log10(rate / 1e6), 0) / 10_000;
    expect(Math.abs(mean - 1)).toBeLessThan(0.03);
    expect(Math.abs(rates.filter((rate) => rate < 10e6).length - 5000)).toBeLessThan(250);
    // directions and seeds are drawn apart; a worker's rate does not depend on how many there are
    expect([...links('up=1mbit..100mbit', 5).up]).not.toEqual(rates.slice(0, 5));
    expect([...links('down=1mbit..100mbit', 5).down]).toEqual(rates.slice(0, 5));
    expect([...linksOf(parseLink('down=1mbit..100mbit'), 5, new KeyedRandom('1')).down]).not.toEqual(rates.slice(0, 5));
  });

  test.each([
    ['', 'key=value'],
    ['10mbit', 'key=value'],
    ['up=10mbit,', 'key=value'],
    ['up=1mbit=2', 'key=value'],
    ['speed=10mbit', 'up, down, latency, duplex'],
    ['up=1mbit,up=1mbit', 'gives up twice'],
    ['up=10', 'bit, kbit, mbit or gbit'],
    ['up=10mb', 'bit, kbit, mbit or gbit'],
    ['up=0mbit', 'up cannot be 0mbit'],
    ['up=-1mbit', 'up cannot be -1mbit'],
    ['up=1e9gbit', 'up cannot be'],
    ['up=9999999gbit', 'up cannot be'],
    ['up=1mbit..', 'up cannot be'],
    ['up=2mbit..1mbit', 'up cannot be'],
    ['up=1mbit..2mbit..3mbit', 'up cannot be'],
    ['up=0x1mbit', 'up cannot be'],
    ['up=1mbit//2mbit', 'up cannot be'],
    ['up=99999x1mbit', 'at most 10000 workers'],
    ['latency=20', 'us, ms or s'],
    ['latency=0ms..1ms', 'latency cannot be'],
    ['duplex=both', 'full or half'],
    ['compute=1ms', 'key=value'],
    ['up=1constructor', 'up cannot be'],
  ])('%j is refused', (text, reason) => {
    expect(() => parseLink(text)).toThrow(UsageError);
    expect(() => parseLink(text)).toThrow(reason);
  });

  test('more listed workers than there are', () => {
    expect(() => links('up=3x1mbit/2x2mbit', 4)).toThrow(/^link lists 5 workers in up; there are 4$/);
  });

  test('a model also says how long the ends work', () => {
    expect(parseLinkModel('up=1mbit,compute=5ms,server=0ms')).toMatchObject({ compute: 5, server: 0 });
    expect(parseLinkModel('up=1mbit')).toMatchObject({ compute: undefined, server: undefined });
    expect(() => parseLinkModel('compute=1mbit')).toThrow(/linkModel .*us, ms or s/);
  });
});

describe('a link', () => {
  it('lets frames through one after another, each way, and delays them', () => {
    const link = new Link(links('up=1mbit,down=8mbit,latency=20ms', 1), 0);
    // 1000 bytes are 8 ms at 1 Mbit/s and 1 ms at 8
    expect(link.arrival('down', 1000, 100)).toBe(121);
    expect(link.arrival('down', 1000, 100)).toBe(122);
    expect(link.arrival('up', 1000, 100)).toBe(128);
    expect(link.arrival('up', 500, 107)).toBe(132);
    expect(link.arrival('up', 500, 200)).toBe(224);
  });

  it('has one bucket for both directions when it is half-duplex', () => {
    const link = new Link(links('up=1mbit,down=8mbit,duplex=half', 1), 0);
    expect(link.arrival('down', 1000, 100)).toBe(101);
    expect(link.arrival('up', 1000, 100)).toBe(109);
    expect(link.arrival('down', 1000, 102)).toBe(110);
  });

  it('takes no time when it is not limited', () => {
    const link = new Link(links('latency=3ms', 1), 0);
    expect(link.arrival('up', 1e9, 1)).toBe(4);
    expect(link.arrival('up', 1e9, 2)).toBe(5);
  });
});
