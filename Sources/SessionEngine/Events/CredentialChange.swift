public import Foundations
public import LosslessJSON

/// A credential of a user that an application has changed, for receivers of security events (CAEP 1.0, Credential Change).
public struct CredentialChange: Sendable, Equatable {
    /// What was done with the credential.
    public enum Change: String, Sendable, CaseIterable {
        /// There is a new one.
        case create
        /// It is not accepted any more.
        case revoke
        /// It is another one.
        case update
        /// It is gone.
        case delete
    }

    /// Whose credential.
    public var user: UserID
    /// What kind of credential: `password`, `fido2-platform`, `app` and so on.
    public var type: String
    /// What was done.
    public var change: Change
    /// What else is known, by the names of CAEP: `friendly_name`, `x509_issuer`, `x509_serial`, `fido2_aaguid`.
    public var details: JSONObject

    /// The names of the optional members.
    public static let optionalMembers = ["friendly_name", "x509_issuer", "x509_serial", "fido2_aaguid"]
    /// The longest text of a member, in bytes.
    public static let longestText = 256

    /// Whether a member may have a text.
    package static func isText(_ text: String) -> Bool { (1...longestText).contains(text.utf8.count) }

    /// Creates a change.
    ///
    /// - Returns: `nil` where a text is empty or longer than ``longestText``, or CAEP does not have a name.
    public init?(of user: UserID, type: String, _ change: Change, details: [(name: String, text: String)] = []) {
        let texts = [type] + details.map(\.text)
        guard texts.allSatisfy(Self.isText),
            details.allSatisfy({ Self.optionalMembers.contains($0.name) }), !user.rawValue.isEmpty
        else { return nil }
        (self.user, self.type, self.change) = (user, type, change)
        self.details = JSONObject(details.map { JSONObject.Member(name: $0.name, value: .string($0.text)) })
    }
}

extension AuditEvent {
    /// A credential changed; nothing ends by it.
    ///
    /// - Parameters:
    ///   - change: what changed.
    ///   - actor: who did it.
    ///   - time: when.
    public static func credentialChanged(
        _ change: CredentialChange, by actor: AuditActor, at time: Timestamp
    ) -> AuditEvent {
        let members: JSONObject = [
            "credential_type": .string(change.type), "change_type": .string(change.change.rawValue),
        ]
        return AuditEvent(
            name: .credentialChanged, time: time, userID: change.user, actor: actor,
            details: JSONObject(uniqueMembers: members.members + change.details.members))
    }
}
