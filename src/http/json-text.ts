import { Header } from '@nestjs/common';

/** For a handler that answers with JSON text, which is sent as it is. */
export function AnswersJsonText(): MethodDecorator {
  return Header('content-type', 'application/json; charset=utf-8');
}
