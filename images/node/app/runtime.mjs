// The Lambda Runtime API in a page: asks for events and posts answers.
import http from 'node:http';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const root = '/2018-06-01/runtime/';

const call = (method, path, body) => new Promise((done, failed) => {
  const request = http.request({ host, port, method, path: root + path, agent: false }, async (answer) => {
    const parts = [];
    for await (const part of answer) parts.push(part);
    done({ headers: answer.headers, body: Buffer.concat(parts).toString() });
  });
  request.on('error', failed);
  request.end(body);
});

const problem = (error) => JSON.stringify({ errorMessage: error.message, errorType: error.name, stackTrace: error.stack?.split('\n') ?? [] });

let handler;
try {
  const [file, name] = (process.env._HANDLER || process.argv[2]).split('.');
  handler = (await import(`${process.cwd()}/${file}.mjs`))[name];
} catch (error) {
  await call('POST', 'init/error', problem(error));
  throw error;
}
for (;;) {
  const { headers, body } = await call('GET', 'invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  try {
    const answer = await handler(JSON.parse(body), { awsRequestId: id, invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'] });
    await call('POST', `invocation/${id}/response`, JSON.stringify(answer ?? null));
  } catch (error) {
    await call('POST', `invocation/${id}/error`, problem(error));
  }
}
