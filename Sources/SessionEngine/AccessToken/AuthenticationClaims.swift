package import LosslessJSON

/// The members of an access token that say when and how its user was authenticated (RFC 9470 and OpenID Connect Core 2), where an
/// operator has them written (docs/policy.md).
///
/// They are no part of the stored payload: a token in hand keeps those that it was issued with.
package enum AuthenticationClaims {
    static let names: Set<String> = ["auth_time", "acr", "amr"]

    /// The payload of a token that is issued now.
    ///
    /// - Parameter record: the session.
    static func payload(of record: SessionRecord) -> JSONObjectText {
        // Who acts as the user was not authenticated as the user.
        guard !record.isImpersonated else { return removed(from: record.accessTokenPayload) }
        var members: JSONObject = ["auth_time": .integer(record.authenticatedAt.wholeSeconds)]
        if let level = record.traits.level { members.append("acr", .string(level)) }
        if !record.traits.methods.isEmpty {
            members.append("amr", .array(record.traits.methods.map { .string($0) }))
        }
        return adding(members, to: record.accessTokenPayload)
    }

    /// A payload with the members of a token that it takes the place in.
    ///
    /// - Parameters:
    ///   - payload: the stored payload.
    ///   - token: the payload of the token.
    package static func carried(to payload: JSONObjectText, from token: JSONObjectText) -> JSONObjectText {
        guard let object = try? token.decoded() else { return payload }
        let own = JSONObject(uniqueMembers: object.members.filter { names.contains($0.name) })
        return own.isEmpty ? payload : adding(own, to: payload)
    }

    /// A token's payload without them.
    static func removed(from payload: JSONObjectText) -> JSONObjectText {
        guard let object = try? payload.decoded(), object.members.contains(where: { names.contains($0.name) }) else {
            return payload
        }
        return JSONObjectText(JSONObject(uniqueMembers: object.members.filter { !names.contains($0.name) }))
    }

    /// A damaged payload stays as it is: signing it fails.
    private static func adding(_ members: JSONObject, to payload: JSONObjectText) -> JSONObjectText {
        guard let object = try? removed(from: payload).decoded() else { return payload }
        return JSONObjectText(JSONObject(uniqueMembers: object.members + members.members))
    }
}
