/**
 * How every command here ends: well, or with one sentence that says what to do. A stack trace is for faults of the
 * tool itself.
 */

/** Runs a command; its error becomes a sentence and an exit status. */
export async function main(command) {
  try {
    await command();
  } catch (error) {
    console.error(`\nerror: ${process.env.SORL_DEBUG ? error.stack : error.message}`);
    process.exitCode = 1;
  }
}
