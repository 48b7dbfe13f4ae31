// Writes random signing requests with what Atto's own library makes of them: hash, signature, address.
//
//   node generate.mjs COUNT
//
// One JSON document on standard output, one request a line. Every run gives the same first COUNT requests, so that a
// mismatch can be looked at again.
import { createHash } from 'node:crypto';
import {
  AttoAddress, AttoAlgorithm, AttoBlock, AttoChallenge, AttoHash, AttoInstant, AttoPrivateKey, AttoPublicKey, AttoVote,
} from '@attocash/commons-core';

const SEED = 'atto-signer oracle 1';
const U64_MAX = 2n ** 64n - 1n;
const I64_MAX = 2n ** 63n - 1n;
const I64_MIN = -(2n ** 63n);
const MAX_AMOUNT = 18_000_000_000_000_000_000n;
const V1 = AttoAlgorithm.V1;

// Bytes from a counted hash: the same on every machine and with every version of node.
let counter = 0;
let pool = Buffer.alloc(0);
function bytes(length) {
  while (pool.length < length) {
    pool = Buffer.concat([pool, createHash('sha512').update(`${SEED}/${counter++}`).digest()]);
  }
  const taken = pool.subarray(0, length);
  pool = pool.subarray(length);
  return taken;
}
const below = (limit) => Number(bytes(6).readUIntBE(0, 6) % limit);
const oneOf = (values) => values[below(values.length)];
const oneIn = (times) => below(times) === 0;

// One in eight is an edge, so that every field meets its edges with random neighbours.
const word = (edges, random) => (oneIn(8) ? oneOf(edges) : random());
const u64 = () => word([0n, 1n, 255n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, U64_MAX], () => bytes(8).readBigUInt64LE());
const amount = () => word([0n, 1n, MAX_AMOUNT - 1n, MAX_AMOUNT], () => bytes(8).readBigUInt64LE() % (MAX_AMOUNT + 1n));
const timestamp = () =>
  word([0n, 1n, -1n, I64_MIN, I64_MAX - 1n, I64_MAX, 2n ** 53n, 8_640_000_000_000_001n], () =>
    oneIn(4) ? bytes(8).readBigInt64LE() : 1_700_000_000_000n + BigInt(below(400_000_000_000)));
const version = () => word([0n, 1n, 256n, 65_535n], () => BigInt(bytes(2).readUInt16LE()));
const bytes32 = () => word([Buffer.alloc(32), Buffer.alloc(32, 0xff)], () => bytes(32));
const hex = (value) => (oneIn(4) ? value.toString('hex') : value.toString('hex').toUpperCase());

const toInt8 = (buffer) => Int8Array.from(buffer);
const addressOf = (key) => new AttoAddress(V1, new AttoPublicKey(toInt8(key))).toString();

// JSON by hand: 64-bit integers are bare numbers, now and then quoted.
const text = (value) => (typeof value === 'bigint' ? (oneIn(16) ? `"${value}"` : `${value}`) : JSON.stringify(value));
function shuffled(fields) {
  for (let last = fields.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [fields[last], fields[other]] = [fields[other], fields[last]];
  }
  return fields;
}
const object = (fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${text(value)}`).join(',')}}`;

const KINDS = ['OPEN', 'RECEIVE', 'SEND', 'CHANGE'];

function block(key) {
  const type = oneOf(KINDS);
  const other = bytes32();
  const fields = [
    ['type', type],
    ['network', oneOf(['LIVE', 'BETA', 'DEV', 'LOCAL'])],
    ['version', version()],
    ['algorithm', 'V1'],
    ['publicKey', hex(key.publicKey)],
  ];
  if (type !== 'OPEN') fields.push(['height', u64()]);
  fields.push(['balance', amount()], ['timestamp', timestamp()]);
  if (type !== 'OPEN') fields.push(['previous', hex(bytes32())]);
  if (type === 'OPEN' || type === 'RECEIVE') fields.push(['sendHashAlgorithm', 'V1'], ['sendHash', hex(bytes32())]);
  if (type === 'OPEN' || type === 'CHANGE') {
    fields.push(['representativeAlgorithm', 'V1'], ['representativePublicKey', hex(other)]);
  }
  if (type === 'SEND') {
    fields.push(['receiverAlgorithm', 'V1'], ['receiverPublicKey', hex(other)], ['amount', amount()]);
  }
  const read = AttoBlock.fromJson(object(fields));
  // Half of them as the library writes them, which is what the node sends; half in any order and letter case.
  const target = oneIn(2) ? read.toJson() : object(shuffled([...fields, ['address', key.address]]));
  return { path: '/blocks', kind: type, body: `{"target":${target}}`, hash: read.hash };
}

function vote(key) {
  const [blockHash, time, number] = [bytes32(), oneIn(4) ? I64_MAX : timestamp(), version()];
  // The library has no way to a version but through a block.
  const carrier = AttoBlock.fromJson(object([
    ['type', 'RECEIVE'], ['network', 'LIVE'], ['version', number], ['algorithm', 'V1'],
    ['publicKey', hex(key.publicKey)], ['height', 2n], ['balance', 0n], ['timestamp', 0n],
    ['previous', hex(blockHash)], ['sendHashAlgorithm', 'V1'], ['sendHash', hex(blockHash)],
  ]));
  const instant = AttoInstant.Companion.fromEpochMilliseconds(time);
  const made = new AttoVote(
    carrier.version, V1, new AttoPublicKey(toInt8(key.publicKey)), V1, new AttoHash(toInt8(blockHash)), instant);
  const fields = [
    ['version', number], ['algorithm', 'V1'], ['publicKey', hex(key.publicKey)],
    ['blockAlgorithm', 'V1'], ['blockHash', hex(blockHash)], ['timestamp', time],
  ];
  const target = object(oneIn(2) ? fields : shuffled(fields));
  return { path: '/votes', kind: 'VOTE', body: `{"target":${target}}`, hash: made.hash, sign: () => key.signer.signVote(made) };
}

function challenge(key) {
  const value = bytes(word([64, 65, 127, 128, 129, 512], () => 64 + below(200)));
  const time = timestamp();
  const made = new AttoChallenge(toInt8(value));
  const instant = AttoInstant.Companion.fromEpochMilliseconds(time);
  const clock = Buffer.alloc(8);
  clock.writeBigInt64LE(time);
  const hash = AttoHash.Companion.hash(64, [toInt8(key.publicKey), made.value, toInt8(clock)]);
  const fields = [['target', hex(value)], ['timestamp', time]];
  return {
    path: '/challenges', kind: 'CHALLENGE', body: object(oneIn(2) ? fields : shuffled(fields)), hash,
    sign: () => key.signer.signChallenge(made, instant),
  };
}

async function makeKey(privateKey) {
  const signer = await new AttoPrivateKey(toInt8(privateKey)).toSigner();
  const publicKey = Buffer.from(signer.publicKey.value);
  return { privateKey, publicKey, address: signer.address.toString(), signer };
}

const count = Number(process.argv[2]);
if (!Number.isSafeInteger(count) || count < 1) {
  console.error(`generate.mjs: COUNT: found ${process.argv[2] ?? 'nothing'}, expected a whole number from 1`);
  process.exit(64);
}
const keys = await Promise.all([Buffer.alloc(32), Buffer.alloc(32, 0xff), bytes(32), bytes(32)].map(makeKey));
const makers = [block, block, vote, challenge];
const lines = [];
for (let number = 0; number < count; number++) {
  const index = below(keys.length);
  const key = keys[index];
  const { path, kind, body, hash, sign } = makers[number % makers.length](key);
  const signature = await (sign ? sign() : key.signer.signHash(hash));
  // A key nobody signs with, for its address.
  const stranger = bytes32();
  lines.push(JSON.stringify({
    key: index, path, kind, body, hash: hash.toString(), signature: signature.toString(),
    stranger: { publicKey: stranger.toString('hex').toUpperCase(), address: addressOf(stranger) },
  }));
}
const written = keys.map(({ privateKey, publicKey, address }) => JSON.stringify({
  privateKey: privateKey.toString('hex').toUpperCase(), publicKey: publicKey.toString('hex').toUpperCase(), address,
}));
process.stdout.write(`{"keys":[\n${written.join(',\n')}\n],"requests":[\n${lines.join(',\n')}\n]}\n`);
