"""A Lambda function as people write them. An event without options comes back as it is."""
import random
import uuid


def handler(event, context):
    if isinstance(event, dict) and event.get("random"):
        return {"random": random.random(), "gauss": random.gauss(0, 1), "uuid": str(uuid.uuid4()), "range": random.randrange(1 << 60)}
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError(event["fail"])
    return event
