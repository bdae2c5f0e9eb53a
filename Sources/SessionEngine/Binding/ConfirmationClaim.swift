package import LosslessJSON

/// The member of an access token that names the key its session is bound to (RFC 7800, RFC 9449 section 6.1).
///
/// It is no part of the stored payload; what an application has under that name gives way in tokens of bound sessions.
package enum ConfirmationClaim {
    package static let name = "cnf"
    private static let member = "jkt"

    /// The payload of a token of a session.
    ///
    /// - Parameters:
    ///   - payload: the payload without it.
    ///   - key: the key that the session is bound to; none, and one in the device of a browser, which no call proves by itself,
    ///     change nothing.
    package static func added(to payload: JSONObjectText, _ key: BoundKey?) -> JSONObjectText {
        // A damaged payload stays as it is: signing it fails.
        guard case .thumbprint(let key)? = key, var object = try? payload.decoded() else { return payload }
        object[name] = nil
        object.append(name, .object([member: .string(key.rawValue)]))
        return JSONObjectText(object)
    }

    /// A payload without it.
    static func removed(from payload: JSONObjectText) -> JSONObjectText {
        guard var object = try? payload.decoded(), object[name] != nil else { return payload }
        object[name] = nil
        return JSONObjectText(object)
    }

    /// The key that a payload names.
    package static func key(in payload: JSONObject) -> KeyThumbprint? {
        payload[name]?.object?[member]?.string.map(KeyThumbprint.init(stored:))
    }
}
