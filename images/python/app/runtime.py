"""The Lambda Runtime API in a page: asks for events and posts answers. AWS's own client, awslambdaric from PyPI, does as well."""
import http.client
import importlib
import json
import os
import sys
import traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
ROOT = "/2018-06-01/runtime/"


def call(method, path, body=None):
    connection = http.client.HTTPConnection(API)
    try:
        connection.request(method, ROOT + path, body)
        answer = connection.getresponse()
        return answer.headers, answer.read()
    finally:
        connection.close()


def problem(error):
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": traceback.format_tb(error.__traceback__)})


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])


def main():
    try:
        module, name = (os.environ.get("_HANDLER") or sys.argv[1]).rsplit(".", 1)
        handler = getattr(importlib.import_module(module), name)
    except Exception as error:
        call("POST", "init/error", problem(error))
        raise
    while True:
        headers, event = call("GET", "invocation/next")
        context = Context(headers)
        try:
            path, answer = "response", json.dumps(handler(json.loads(event), context), separators=(",", ":"))
        except Exception as error:
            path, answer = "error", problem(error)
        call("POST", "invocation/" + context.aws_request_id + "/" + path, answer)


if __name__ == "__main__":  # a child process of multiprocessing imports this file again
    main()
