import Foundations
import Logging
import LosslessJSON

/// Log-in, log-out, and one-time links.
extension AdminAPI {
    /// Begins an admin session by a key or by the code of a link.
    func logIn(_ request: AdminRequest) throws(AdminRefusal) -> AdminReply {
        let object = try request.object()
        let key: AdminSettings.Key
        if let code = object[.code]?.string {
            guard let found = sessions.redeem(code) else { throw refusal(.wrongCode) }
            key = found
        } else {
            key = try self.key(in: object)
        }
        let (token, session) = sessions.begin(with: key)
        api.logger.notice("an operator has opened the admin page", metadata: ["operator": "\(key.name)"])
        var reply = describe(session)
        reply[.token] = .string(token)
        return .json(reply)
    }

    /// Makes a code for `tessera admin link`.
    func makeLink(_ request: AdminRequest) throws(AdminRefusal) -> AdminReply {
        let code = sessions.makeCode(for: try key(in: try request.object()))
        var reply: JSONObject = [:]
        reply[.code] = .string(code)
        return .json(reply)
    }

    private func key(in object: JSONObject) throws(AdminRefusal) -> AdminSettings.Key {
        guard let key = settings.key(object[.apiKey]?.string ?? "") else { throw refusal(.wrongKey) }
        return key
    }

    /// Counts a failed log-in.
    private func refusal(_ refusal: AdminRefusal) -> AdminRefusal {
        guard sessions.noteFailure() else {
            api.logger.warning("the admin page refused a log-in")
            return refusal
        }
        return .tooManyFailures
    }

    /// What the page knows of its session.
    func describe(_ session: AdminSessions.Session) -> JSONObject {
        var object: JSONObject = [:]
        object[.name] = .string(session.operatorName)
        object[.writes] = .bool(settings.isWritable)
        object[.endsIn] = .integer(endsIn(session))
        object[.isLast] = .bool(session.isLast)
        return object
    }

    /// In how many milliseconds a session ends unless it is used.
    func endsIn(_ session: AdminSessions.Session) -> Int64 { max(0, (session.endsAt - clock.time()).count) }
}
