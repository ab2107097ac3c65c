/** Whether the suites run in their full form, as by `npm run test:cluster`: too long for each change. */
export const IS_FULL = process.env['TESSERA_CLUSTER_TEST'] === 'full';
