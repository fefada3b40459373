/**
 * Preloaded (`node --import`) into `server-everything`, which by itself listens on every address of the machine
 * and has a tool that prints the environment: keeps it on loopback.
 */
import { Server } from 'node:net';

const listen = Server.prototype.listen;

Server.prototype.listen = function (...wanted) {
  const [port, ...rest] = wanted;
  if (typeof port === 'object') return listen.apply(this, wanted);
  return listen.call(this, Number(port), '127.0.0.1', ...rest.filter((argument) => typeof argument === 'function'));
};
