import { OperatorError } from '../errors/operator-error.ts';

export function lockIsHeld(): OperatorError {
  return new OperatorError(
    'Another process is changing this installation. Run the command again when it has finished.',
  );
}

export function connectionIsLost(cause: unknown): OperatorError {
  return new OperatorError(
    'The connection that held the lock on this installation was lost, so another process may be changing it. Run the command again.',
    { cause },
  );
}

export function lockIsTakenOver(): OperatorError {
  return new OperatorError(
    'Another process has taken over the lock on this installation, because this one showed no sign of life for some seconds. Run the command again.',
  );
}

export function serverStoodDown(): OperatorError {
  return new OperatorError(
    'The server that held the lock on this installation no longer accepts writes, so another server may have taken over. Let DATABASE_URL lead to the primary, then run the command again.',
  );
}
