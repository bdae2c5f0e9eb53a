import Foundations
package import LosslessJSON
package import RevocationFeed

/// The feed as a core writes it, by its page in the documentation and not by the core's own tables.
extension FeedEntry {
    /// The entry on the wire.
    package var object: JSONObject {
        var object = JSONObject()
        switch self {
        case .session(let session, _, _):
            object.append("k", "s")
            object.append("v", .string(session.text))
        case .user(let user, let tenant, _, _):
            object.append("k", "u")
            object.append("v", .string(user.text))
            if let tenant { object.append("n", .string(tenant.text)) }
        case .key(let id, _):
            object.append("k", "k")
            object.append("v", .string(id))
        }
        object.append("t", .integer(time.milliseconds))
        if let until { object.append("u", .integer(until.milliseconds)) }
        return object
    }
}

extension FeedPage {
    /// The answer on the wire.
    package var object: JSONObject {
        [
            "status": "OK", "stream": .string(stream), "reset": .bool(isReset), "more": .bool(hasMore),
            "age": .integer(age.count), "next": .string(next), "entries": .array(entries.map { .object($0.object) }),
        ]
    }
}
