import LosslessJSON

/// What a refresh token says, once it has been decrypted.
public struct RefreshTokenContent: Sendable {
    /// The session.
    public var handle: SessionHandle
    /// The user of the login method.
    public var userID: UserID
    /// The hash of the token this one was given for; `nil` for a session's first token.
    public var parentHash: TokenHash?
    /// 64 hexadecimal digits that are also part of the token, unencrypted, so that no two tokens are alike.
    public var nonce: String
    /// The anti-CSRF token that has to come with this one, if the session uses them.
    public var antiCSRFToken: AntiCSRFToken?
    /// The tenant the session belongs to.
    public var tenantID: TenantID

    public init(
        handle: SessionHandle,
        userID: UserID,
        parentHash: TokenHash?,
        nonce: String,
        antiCSRFToken: AntiCSRFToken?,
        tenantID: TenantID
    ) {
        self.handle = handle
        self.userID = userID
        self.parentHash = parentHash
        self.nonce = nonce
        self.antiCSRFToken = antiCSRFToken
        self.tenantID = tenantID
    }

    /// The content as JSON, members in the order of docs/specification/core.md 3.2, absent ones left out.
    var plaintext: [UInt8] {
        var object: JSONObject = ["sessionHandle": .string(handle.rawValue), "userId": .string(userID.rawValue)]
        if let parentHash { object.append("parentRefreshTokenHash1", .string(parentHash.hex)) }
        object.append("nonce", .string(nonce))
        if let antiCSRFToken { object.append("antiCsrfToken", .string(antiCSRFToken.exposed)) }
        if tenantID != .public { object.append("tenantId", .string(tenantID.rawValue)) }
        return object.serialized()
    }

    /// Reads decrypted content; `nil` when a member is missing or of the wrong type.
    init?(plaintext: [UInt8]) {
        guard let object = try? JSONValue(parsing: plaintext).object,
            let handle = object["sessionHandle"]?.string, let userID = object["userId"]?.string,
            let nonce = object["nonce"]?.string
        else { return nil }
        let optional = ["parentRefreshTokenHash1", "antiCsrfToken", "tenantId"].map { object[$0] }
        guard optional.allSatisfy({ $0 == nil || $0?.string != nil }) else { return nil }
        let parent = object["parentRefreshTokenHash1"]?.string
        let parentHash = parent.flatMap(TokenHash.init(hex:))
        guard (parent == nil) == (parentHash == nil) else { return nil }
        self.init(
            handle: SessionHandle(handle), userID: UserID(userID), parentHash: parentHash, nonce: nonce,
            antiCSRFToken: object["antiCsrfToken"]?.string.map(AntiCSRFToken.init),
            tenantID: object["tenantId"]?.string.map(TenantID.init) ?? .public)
    }
}

/// Why a presented refresh token is not one of this core's.
public enum RefreshTokenProblem: Error, Sendable, Equatable {
    /// The part after the last dot is not `V2`.
    case unknownVersion
    /// Not three parts.
    case wrongPartCount(Int)
    /// The first part is not strict base64; with the first character outside the alphabet, if there is one.
    case notBase64(foreignCharacter: UInt8?)
    /// The first part is too short to hold anything.
    case tooShort
    /// Not encrypted by this app's key, or changed since.
    case notAuthentic
    /// Encrypted by this app's key and yet without what a token has to say, or under another nonce.
    case inconsistent
}
