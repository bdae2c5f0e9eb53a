import Foundations
import HTTPTypes
import LosslessJSON
import Synchronization

/// A session of the scripted server.
struct ServedSession {
    let user: String
    /// The number of its present generation; tokens are named after it.
    var generation = 0
    /// Whether a successor of the present generation was given out.
    var hasChild = false
    /// When the present generation was superseded the last time, by the steady clock.
    var rotatedAt: Int64 = 0
    /// The thumbprint of the key that it is bound to.
    var boundKey: String?
}

extension ScriptedServer.Model {
    mutating func end(_ name: String, _ means: String) {
        if sessions.removeValue(forKey: name) != nil { record.ended[name] = means }
    }
}

extension ScriptedServer {
    /// What the routes answer.
    func answer(_ request: HTTPRequest, _ body: [UInt8]) -> (HTTPResponse, String) {
        model.withLock { model in
            model.record.requests.append(request)
            let token = request.headerFields[.authorization].map { String($0.dropFirst(7)) } ?? ""
            switch "\(request.method) \(request.path ?? "")" {
            case "POST /login": return signIn(String(decoding: body, as: UTF8.self), request, &model)
            case "POST /auth/session/refresh": return refresh(token, request, &model)
            case "POST /auth/signout": return signOut(token, request, &model)
            case "POST /auth/session/revoke" where model.revokes: return revoke(token, &model)
            case "POST /payload":
                return withSession(token, request, &model) { name, session in
                    (self.ok(self.tokens(name, session, hasRefresh: false)), #"{"status":"OK"}"#)
                }
            case "POST /step-up": return stepUp(token, request, &model)
            case "GET /me", "POST /me":
                return withSession(token, request, &model) { _, session in
                    (HTTPResponse(status: .ok), session.user)
                }
            default: return (HTTPResponse(status: .notFound), "")
            }
        }
    }

    private func signIn(_ user: String, _ request: HTTPRequest, _ model: inout Model) -> (HTTPResponse, String) {
        var session = ServedSession(user: user)
        if model.proofs != .off {
            // The time does not count: the sign-in is what grants something.
            switch model.proof(of: request, at: clock.steady) {
            case .invalid: return model.demand("invalid_dpop_proof", false)
            case .good(let key), .late(let key): session.boundKey = key
            case .absent: break
            }
        }
        model.count += 1
        let name = "s\(model.count)"
        model.sessions[name] = session
        return (issued(name, session, &model), "OK")
    }

    /// The fields with both tokens of a generation.
    private func issued(_ name: String, _ session: ServedSession, _ model: inout Model) -> HTTPResponse {
        let fields = tokens(name, session, hasRefresh: true)
        for field in fields where field.name.canonicalName != "front-token" { model.record.tokens.insert(field.value) }
        return ok(fields)
    }

    private func ok(_ fields: HTTPFields) -> HTTPResponse { HTTPResponse(status: .ok, headerFields: fields) }

    private func tokens(_ name: String, _ session: ServedSession, hasRefresh: Bool) -> HTTPFields {
        var fields = HTTPFields()
        let now = clock.steady
        let end = now + life.components.seconds * 1_000
        var payload: JSONObject = [
            "sub": .string(session.user), "iat": .integer(now / 1_000), "exp": .integer(end / 1_000),
            "sessionHandle": .string(name),
        ]
        if let key = session.boundKey { payload["cnf"] = ["jkt": .string(key)] }
        let access = ["h", Base64.url.encodedText(payload.serialized()), "\(session.generation)-\(end)"]
        set(&fields, "st-access-token", access.joined(separator: "."))
        if hasRefresh { set(&fields, "st-refresh-token", "r.\(name).\(session.generation)") }
        let front: JSONObject = [
            "uid": .string(session.user), "ate": .integer(end / 1_000 * 1_000), "up": .object(payload),
        ]
        set(&fields, "front-token", Base64.standard.encodedText(front.serialized()))
        return fields
    }

    private func set(_ fields: inout HTTPFields, _ name: String, _ value: String) {
        if let name = HTTPField.Name(name) { fields[name] = value }
    }

    /// Calls a route with the session of an access token; 401 where that is not accepted.
    private func withSession(
        _ token: String, _ request: HTTPRequest, _ model: inout Model,
        _ route: (String, ServedSession) -> (HTTPResponse, String)
    ) -> (HTTPResponse, String) {
        let parts = token.split(separator: ".")
        guard parts.count == 3, let bytes = Base64.url.decode(Array(parts[1].utf8)),
            let name = (try? JSONValue(parsing: bytes).object)?["sessionHandle"]?.string
        else { return refused("try refresh token") }
        let numbers = parts[2].split(separator: "-").compactMap { Int64($0) }
        guard numbers.count == 2, numbers[1] > clock.steady, var session = model.sessions[name] else {
            return refused("try refresh token")
        }
        if case .everyCall = model.proofs, let key = session.boundKey {
            let proof = model.proof(of: request, beside: token, at: clock.steady)
            if let refusal = model.refusal(of: proof, by: key, isCall: true, at: clock.steady) { return refusal }
        }
        promote(&session, to: Int(numbers[0]))
        model.sessions[name] = session
        return route(name, session)
    }

    /// A successor that is used takes its place.
    private func promote(_ session: inout ServedSession, to generation: Int) {
        guard case .atFirstUse = rotation, session.hasChild, generation == session.generation + 1 else { return }
        (session.generation, session.hasChild, session.rotatedAt) = (generation, false, clock.steady)
    }

    private func refresh(_ token: String, _ request: HTTPRequest, _ model: inout Model) -> (HTTPResponse, String) {
        model.record.refreshes += 1
        let parts = token.split(separator: ".").map(String.init)
        guard parts.count == 3, let generation = Int(parts[2]), var session = model.sessions[parts[1]] else {
            return refused("unauthorised", isVerdict: true)
        }
        let name = parts[1]
        if let key = session.boundKey {
            let proof = model.proof(of: request, at: clock.steady)
            if let refusal = model.refusal(of: proof, by: key, at: clock.steady) { return refusal }
        }
        promote(&session, to: generation)
        var child = session
        switch rotation {
        case .atFirstUse where generation == session.generation:
            session.hasChild = true
            child.generation = generation + 1
        case .atOnce where generation == session.generation:
            (session.generation, session.rotatedAt) = (generation + 1, clock.steady)
            child = session
        case .atOnce(let grace)
        where generation == session.generation - 1
            && clock.steady - session.rotatedAt <= grace.components.seconds * 1_000:
            child = session
        default:
            model.end(name, "theft")
            return refused("token theft detected", isVerdict: true)
        }
        model.sessions[name] = session
        return (issued(name, child, &model), "{}")
    }

    /// The session continues with a refresh token of its next generation.
    private func stepUp(_ token: String, _ request: HTTPRequest, _ model: inout Model) -> (HTTPResponse, String) {
        var found: (name: String, session: ServedSession)?
        let reply = withSession(token, request, &model) { name, session in
            found = (name, session)
            return (HTTPResponse(status: .ok), "OK")
        }
        guard let name = found?.name, var next = found?.session else { return reply }
        (next.generation, next.hasChild, next.rotatedAt) = (next.generation + 1, false, clock.steady)
        model.sessions[name] = next
        return (issued(name, next, &model), reply.1)
    }

    private func signOut(_ token: String, _ request: HTTPRequest, _ model: inout Model) -> (HTTPResponse, String) {
        var ended: String?
        let reply = withSession(token, request, &model) { name, _ in
            ended = name
            return (HTTPResponse(status: .ok), #"{"status":"OK"}"#)
        }
        guard let ended else { return reply }
        model.end(ended, "user")
        var head = reply.0
        set(&head.headerFields, "front-token", "remove")
        return (head, reply.1)
    }

    /// Ends the session of a refresh token; the answer is the same where there is none.
    private func revoke(_ token: String, _ model: inout Model) -> (HTTPResponse, String) {
        let parts = token.split(separator: ".").map(String.init)
        if parts.count == 3 { model.end(parts[1], "user") }
        var head = HTTPResponse(status: .ok)
        set(&head.headerFields, "front-token", "remove")
        return (head, #"{"status":"OK"}"#)
    }

    private func refused(_ message: String, isVerdict: Bool = false) -> (HTTPResponse, String) {
        var head = HTTPResponse(status: .unauthorized)
        if isVerdict { set(&head.headerFields, "front-token", "remove") }
        return (head, #"{"message":"\#(message)"}"#)
    }
}
