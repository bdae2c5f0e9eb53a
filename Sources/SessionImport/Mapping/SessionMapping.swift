import LosslessJSON
import SessionEngine

/// Makes our record of a row of `session_info` of any generation (docs/specification/core.md 6).
struct SessionMapping: Sendable {
    /// What becomes of a row.
    enum Outcome {
        /// It is imported.
        case session(AppID, SessionRecord)
        /// It has expired.
        case expired
        /// It cannot be imported.
        case refused(Refusal)
    }

    /// The time of the import; sessions that expired before are skipped.
    let time: Timestamp
    /// The kind of key for rows from before `use_static_key` (core 5.0).
    let kindWithoutColumn: SigningKeyKind

    private static let handleLimit = 1_024

    /// Reads a row.
    ///
    /// - Throws: ``ImportError`` when the row is damaged, which no core can have written.
    func outcome(of row: DumpRow) throws(ImportError) -> Outcome {
        let expiresAt = Timestamp(milliseconds: try row.neededInteger("expires_at"))
        let handle = SessionHandle(try row.neededText("session_handle"))
        let user = UserID(try row.neededText("user_id"))
        let hash = try row.neededText("refresh_token_hash_2")
        let app = AppID(try row.text("app_id") ?? AppID.public.rawValue)
        let payload = try object(row, "jwt_user_payload")
        let data = try object(row, "session_data")
        let record = SessionRecord(
            handle: handle, tenantID: TenantID(try row.text("tenant_id") ?? TenantID.public.rawValue), userID: user,
            currentTokenHash: StoredTokenHash(stored: hash), sessionData: data ?? JSONObjectText([:]),
            accessTokenPayload: payload ?? JSONObjectText([:]),
            createdAt: Timestamp(milliseconds: try row.neededInteger("created_at_time")), expiresAt: expiresAt,
            signingKeyKind: try row.boolean("use_static_key").map { $0 ? .static : .dynamic } ?? kindWithoutColumn,
            previousTokenHash: try row.text("prev_refresh_token_hash_2").map(StoredTokenHash.init(stored:)),
            rotatedAt: try row.integer("refresh_token_rotated_at").map(Timestamp.init(milliseconds:)))
        if record.isExpired(at: time, within: .unlimited) { return .expired }
        if payload == nil { return .refused(.payloadNotJSON) }
        if data == nil { return .refused(.dataNotJSON) }
        if let refusal = Self.refusal(of: record) { return .refused(refusal) }
        return .session(app, record)
    }

    private static func refusal(of record: SessionRecord) -> Refusal? {
        if record.handle.rawValue.isEmpty || record.handle.rawValue.utf8.count > handleLimit { return .handleLength }
        if record.userID.rawValue.utf8.count > UserID.maximumLength { return .userIDTooLong }
        if record.accessTokenPayload.text.utf8.count > PayloadProblem.maximumLength { return .payloadTooLong }
        let hashes = [record.currentTokenHash, record.previousTokenHash].compactMap(\.self)
        if hashes.contains(where: { TokenHash(hex: $0.hex) == nil }) { return .tokenHash }
        return nil
    }

    /// A column with a JSON object, compact; NULL is the empty object, and `nil` says that it is not an object.
    private func object(_ row: DumpRow, _ column: String) throws(ImportError) -> JSONObjectText? {
        guard let text = try row.text(column) else { return JSONObjectText([:]) }
        return (try? JSONValue(parsing: text, limits: JSONLimits(bytes: .max)))?.object.map(JSONObjectText.init)
    }
}

/// The reason why a session or a key is skipped.
public enum Refusal: String, Sendable, Hashable, CaseIterable {
    /// The data for the access token is no JSON object that this core reads.
    case payloadNotJSON = "the access token payload is not a JSON object that this core reads"
    /// The data kept in storage is no JSON object that this core reads.
    case dataNotJSON = "the session data is not a JSON object that this core reads"
    /// The data for the access token is longer than any token may be.
    case payloadTooLong = "the access token payload is longer than 40,000 bytes"
    /// The session has no handle, or a very long one.
    case handleLength = "the session handle is empty or longer than 1,024 bytes"
    /// The user's id is too long.
    case userIDTooLong = "the user id is longer than 1,024 bytes"
    /// The hash of the refresh token is invalid.
    case tokenHash = "the refresh token hash is not 64 hexadecimal digits"
    /// Another session of the target has the handle.
    case handleTaken = "the target has another session with this handle"
    /// The bytes of a signing key cannot be read.
    case keyUnreadable = "the signing key cannot be read"
    /// The public half of a signing key belongs to another private half.
    case keyHalvesDiffer = "the two halves of the signing key do not belong together"
    /// The key is for an algorithm that sessions do not use.
    case keyAlgorithm = "the signing key is not for RS256"
    /// The name of a signing key is not one that tokens can carry.
    case keyName = "the name of the signing key is not letters, digits and dashes"
}
