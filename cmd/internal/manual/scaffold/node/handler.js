// Answers one event: what it returns is sent as JSON, what it throws is the function's error.
exports.handler = async (event, requestId) => ({ hello: event.name || 'world' });
