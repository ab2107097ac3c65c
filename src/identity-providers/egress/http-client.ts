/** What is used of undici, by name: bundlers know the names of a CommonJS package only where they are imported statically. */
export { buildConnector, Client } from 'undici';
