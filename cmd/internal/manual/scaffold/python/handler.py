def handler(event, request_id):
    """Answers one event: what it returns is sent as JSON, what it raises is the function's error."""
    return {"hello": event.get("name", "world")}
