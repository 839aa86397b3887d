// A test process ends when its tests have: also when one has failed and left a server of its own behind that would keep it.
import { after } from 'node:test';

const PATIENCE = Number(process.env.GUICHET_TEST_PATIENCE ?? 30_000); // what other hooks still stop at the end may take so long

after(() => {
  setTimeout(() => {
    console.error(`ended with something still open: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, PATIENCE).unref();
});
