"""AWS Lambda without AWS: the real Runtime Interface Emulator in a sandbox like Lambda's, called as SQS, a schedule and API Gateway do.

What template.yaml says is what is run: handlers, timeouts, routes, the mapping. The queue is made by `docusnap provision`, which a test
holds equal to the template's. Brought by `tests/system/need aws rie lambda`; needs root.
"""
