-- wrk's turn: the same request and body as all clients.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
wrk.body = os.getenv("GENERATOR_BODY")
