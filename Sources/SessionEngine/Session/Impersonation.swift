import Foundations
public import LosslessJSON

/// The party that acts in a session of another user, as the claim `act` of its access tokens names it (RFC 8693 section 4.1).
public struct ActingParty: Sendable, Hashable {
    /// The longest subject or issuer, in bytes.
    package static let longest = 255
    /// The claim.
    package static let claim = "act"

    /// Who acts, by the name that the application uses, such as `support:mara`.
    public let subject: String
    /// Who vouches for that name; `nil` where it is the application itself.
    public let issuer: String?

    /// Takes the names of a party.
    ///
    /// - Parameters:
    ///   - subject: who acts; 1 to 255 bytes without control characters, quotation marks, backslashes and braces.
    ///   - issuer: who vouches for that name; the same form.
    /// - Returns: `nil` for a name of another form: the audit log has to be able to repeat it.
    public init?(subject: String, issuer: String? = nil) {
        guard Self.isName(subject), issuer.map(Self.isName) ?? true else { return nil }
        self.subject = subject
        self.issuer = issuer
    }

    private static func isName(_ text: String) -> Bool {
        (1...longest).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { scalar in
                scalar.value >= 0x20 && scalar.value != 0x7F && !["\"", "\\", "{", "}"].contains(scalar)
            }
    }

    /// Reads the value of the claim; members beside `sub` and `iss`, such as an inner `act`, are history and no part of it.
    ///
    /// - Parameter value: the value.
    /// - Returns: `nil` for what names no party.
    public init?(_ value: JSONValue?) {
        guard let object = value?.object, let subject = object["sub"]?.string else { return nil }
        switch object["iss"] {
        case nil: self.init(subject: subject)
        case .string(let issuer)?: self.init(subject: subject, issuer: issuer)
        default: return nil
        }
    }

    /// The value of the claim.
    public var object: JSONObject {
        var object: JSONObject = ["sub": .string(subject)]
        if let issuer { object.append("iss", .string(issuer)) }
        return object
    }

    /// A payload with this party as its actor, and with no other: the claim is the first member.
    ///
    /// - Parameter payload: the payload of the application.
    package func acting(in payload: JSONObject) -> JSONObject {
        let others = payload.members.filter { !$0.isNamed(Self.claim) }
        return JSONObject(uniqueMembers: ([Self.claim: .object(object)] as JSONObject).members + others)
    }
}

/// That another person acts as a user for a while: who, why and how long (docs/decisions/0044).
public struct Impersonation: Sendable, Hashable {
    /// The longest time, an hour.
    public static let longest = Milliseconds.seconds(3_600)
    /// The time if none is asked for, 15 minutes.
    public static let usual = Milliseconds.seconds(900)
    /// The shortest time, a minute.
    package static let shortest = Milliseconds.seconds(60)
    /// The times that can be asked for, in seconds.
    package static let seconds = (shortest.count / 1_000)...(longest.count / 1_000)
    /// The longest reason, in bytes.
    package static let longestReason = 500

    /// Who acts.
    public let actor: ActingParty
    /// Why, for the audit log.
    public let reason: String
    /// After how long the session ends, whatever happens in it.
    public let lifetime: Milliseconds

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - actor: who acts.
    ///   - reason: why, for the audit log; 1 to 500 bytes.
    ///   - lifetime: after how long the session ends; a minute to an hour.
    /// - Returns: `nil` for an empty or longer reason, and for another time.
    public init?(by actor: ActingParty, reason: String, lifetime: Milliseconds = Impersonation.usual) {
        guard (1...Self.longestReason).contains(reason.utf8.count),
            (Self.shortest...Self.longest).contains(lifetime)
        else { return nil }
        self.actor = actor
        self.reason = reason
        self.lifetime = lifetime
    }

    /// Decides the end of an impersonation.
    ///
    /// - Parameters:
    ///   - record: the session, as storage has it at this step.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    /// - Returns: whether there was one; a session of the user's own stays.
    package static func end(
        _ record: SessionRecord?, at now: Timestamp, within terms: SessionTerms
    ) -> Decision<Bool> {
        guard let record, record.isImpersonated, !record.isExpired(at: now, within: terms) else {
            return Decision(.keep, false)
        }
        let end = Revocation(by: .administrator, .impersonationEnd, at: now)
        return Decision(.remove, true, audit: .revoked(record, because: end))
    }
}

extension SessionRecord {
    /// Whether another person acts as the user of the session.
    package var isImpersonated: Bool { traits.flags.contains(.impersonated) }

    /// Who acts as the user; `nil` in a session of the user's own, whatever its payload says.
    public var actor: ActingParty? {
        guard isImpersonated else { return nil }
        return ActingParty((try? accessTokenPayload.decoded())?[ActingParty.claim])
    }

    /// Whether the session's tokens can be given: those of an impersonation name the actor.
    var namesItsActor: Bool { !isImpersonated || actor != nil }

    /// A payload that is to take the place of the session's: the actor of an impersonation stays.
    func protectingActor(in payload: JSONObjectText) -> JSONObjectText {
        guard let actor, let object = try? payload.decoded() else { return payload }
        return JSONObjectText(actor.acting(in: object))
    }
}
