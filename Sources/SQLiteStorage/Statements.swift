import LosslessJSON
import SessionEngine
import SessionStorage

/// The statements, each with one `?` for every value: nothing is ever pasted into SQL.
enum Statement {
    private static let columns = columns(data: "session_data, jwt_user_payload")
    private static func columns(data: String) -> String {
        """
        session_handle, tenant_id, user_id, refresh_token_hash_2, \(data), created_at_time, \
        expires_at, use_static_key, prev_refresh_token_hash_2, refresh_token_rotated_at, sharing, generation, authenticated_at, \
        absolute_limit, idle_limit, level, amr, level_at, flags, device, \
        bound_key
        """
    }
    static let insertSession = """
        INSERT INTO session_info (app_id, \(columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, \
        \(creation(at: "?8", user: "?4", tenant: "?3")), ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)
        """
    static let selectSession = """
        SELECT \(columns) FROM session_info WHERE app_id = ?1 AND session_handle = ?2 AND \(isNotCutOff)
        """
    static let selectEnd = """
        SELECT expires_at, \(isLive) FROM session_info WHERE app_id = ?1 AND session_handle = ?2 AND \(isNotCutOff)
        """
    /// Whether a row is alive at `?3` with the bounds `?4` and `?5`.
    static let isLive = LivenessBounds.condition(now: "?3", normal: "?4", remembered: "?5")
    static let selectSessionsAfter = """
        SELECT \(columns) FROM session_info WHERE app_id = ?1 AND session_handle > ?2 AND \(isNotCutOff) \
        ORDER BY session_handle LIMIT ?3
        """
    static let selectActivityAfter = """
        SELECT user_id, last_active_time FROM user_last_active WHERE app_id = ?1 AND user_id > ?2 \
        ORDER BY user_id LIMIT ?3
        """
    static let countSessions = "SELECT count(*) FROM session_info WHERE app_id = ?"
    static let updateSession = """
        UPDATE session_info SET tenant_id = ?3, user_id = ?4, created_at_time = ?8, \(changing)
        """
    /// As ``updateSession`` where owner and creation stay: naming those columns would write the index again.
    static let rotateSession = "UPDATE session_info SET \(changing)"
    private static let changing = """
        refresh_token_hash_2 = ?5, session_data = ?6, jwt_user_payload = ?7, expires_at = ?9, use_static_key = ?10, \
        prev_refresh_token_hash_2 = ?11, refresh_token_rotated_at = ?12, sharing = ?13, generation = ?14, \
        authenticated_at = ?15, absolute_limit = ?16, idle_limit = ?17, level = ?18, amr = ?19, level_at = ?20, \
        flags = ?21, device = ?22, bound_key = ?23 WHERE app_id = ?1 AND session_handle = ?2
        """
    static let deleteSession = """
        DELETE FROM session_info WHERE app_id = ?1 AND session_handle = ?2 AND \(isNotCutOff) \
        RETURNING tenant_id, user_id, \(ActorColumn.details())
        """
    private static let liveOfUser = """
        SELECT session_handle FROM session_info WHERE app_id = ?1 AND user_id = ?2 AND \(isLive) AND \(isNotCutOff)
        """
    private static let oldestFirst = "ORDER BY created_at_time, session_handle"
    static let selectHandlesOfUser = "\(liveOfUser) \(oldestFirst)"
    static let selectHandlesOfUserInTenant = "\(liveOfUser) AND tenant_id = ?6 \(oldestFirst)"
    /// The living sessions of a user that were created before a place, the newest first, without their data.
    static let selectSessionsBefore = """
        SELECT \(columns(data: "'{}', '{}'")) FROM session_info WHERE app_id = ?1 AND user_id = ?2 AND \(isLive) \
        AND \(isNotCutOff) AND (?6 IS NULL OR tenant_id = ?6) AND (created_at_time, session_handle) < (?7, ?8) \
        ORDER BY created_at_time DESC, session_handle DESC LIMIT ?9
        """
    static let forgetDevices = """
        UPDATE session_info SET device = NULL WHERE app_id = ?1 AND session_handle IN (SELECT session_handle \
        FROM session_info WHERE app_id = ?1 AND user_id = ?2 AND device IS NOT NULL LIMIT ?3) RETURNING 1
        """
    static let selectExpired = """
        SELECT session_handle FROM session_info WHERE app_id = ?1 AND NOT \(isLive) AND \(isNotCutOff) LIMIT ?2
        """
    static let deleteExpired = """
        DELETE FROM session_info WHERE app_id = ?1 AND session_handle = ?2 AND NOT \(isLive) AND \(isNotCutOff) \
        RETURNING \(columns)
        """
    /// What of a user's living sessions decides whether another one may begin.
    static let selectLiveOfUser = """
        SELECT session_handle, tenant_id, created_at_time, refresh_token_rotated_at, coalesce(flags, 0) \
        FROM session_info WHERE app_id = ?1 AND user_id = ?2 AND \(isLive) AND \(isNotCutOff)
        """
    static let selectKeys = """
        SELECT key_id, kind, algorithm, created_at_time, private_key, first_used_time, verifies_until \
        FROM signing_keys WHERE app_id = ?
        """
    static let selectKeyIDs = "SELECT app_id, key_id FROM signing_keys"
    static let insertKey = """
        INSERT OR IGNORE INTO signing_keys (app_id, key_id, kind, algorithm, created_at_time, private_key, \
        first_used_time, verifies_until) VALUES (?,?,?,?,?,?,?,?)
        """
    static let updateKey = """
        UPDATE signing_keys SET private_key = ?6, first_used_time = ?7, verifies_until = ?8 \
        WHERE app_id = ?1 AND key_id = ?2 AND kind = ?3 AND algorithm = ?4 AND created_at_time = ?5
        """
    static let deleteKey = "DELETE FROM signing_keys WHERE app_id = ? AND key_id = ?"
    static let selectValue = "SELECT value FROM key_value WHERE app_id = ? AND name = ?"
    static let noteActivity = """
        INSERT INTO user_last_active (app_id, user_id, last_active_time) VALUES (?,?,?) \
        ON CONFLICT DO UPDATE SET last_active_time = max(last_active_time, excluded.last_active_time)
        """
    static let countActiveUsers = "SELECT count(*) FROM user_last_active WHERE app_id = ? AND last_active_time >= ?"
    static let updateValue = "UPDATE key_value SET value = ?4 WHERE app_id = ?1 AND name = ?2 AND value = ?3"
    static let storeValue = "INSERT OR REPLACE INTO key_value (app_id, name, value) VALUES (?,?,?)"
    static let insertValue = "INSERT OR IGNORE INTO key_value (app_id, name, value) VALUES (?,?,?)"
}

extension SessionRecord {
    /// The values of the columns of `Statement.insertSession` after `app_id`.
    var columns: [SQLiteValue] {
        [
            .text(handle.rawValue), .text(tenantID.rawValue), .text(userID.rawValue), .text(currentTokenHash.hex),
            .text(sessionData.text), .text(accessTokenPayload.text), .integer(createdAt.milliseconds),
            .integer(expiresAt.milliseconds), .integer(signingKeyKind == .static ? 1 : 0),
            previousTokenHash.map { .text($0.hex) } ?? .null, rotatedAt.map { .integer($0.milliseconds) } ?? .null,
            storedSharing.map { .text($0.stored) } ?? .null, .integer(rotationCount.rawValue),
        ] + TraitColumns(traits).values
    }

    /// Reads the columns of `Statement.selectSession`.
    init(row: SQLiteRow) throws(StorageError) {
        let handle = row.text(0)
        func text(_ column: Int32) throws(StorageError) -> String { try row.text(column, of: "session_info", handle) }
        func time(_ column: Int32) throws(StorageError) -> Timestamp {
            Timestamp(milliseconds: try row.integer(column, of: "session_info", handle))
        }
        self.init(
            handle: SessionHandle(handle), tenantID: TenantID(try text(1)), userID: UserID(try text(2)),
            currentTokenHash: StoredTokenHash(stored: try text(3)), sessionData: JSONObjectText(stored: try text(4)),
            accessTokenPayload: JSONObjectText(stored: try text(5)), createdAt: try time(6), expiresAt: try time(7),
            signingKeyKind: try row.integer(8, of: "session_info", handle) == 0 ? .dynamic : .static,
            previousTokenHash: row.isNull(9) ? nil : StoredTokenHash(stored: try text(9)),
            rotatedAt: row.isNull(10) ? nil : try time(10),
            rotationCount: RotationCount(stored: try row.integer(12, of: "session_info", handle)),
            storedSharing: row.isNull(11) ? nil : SharingState(stored: try text(11)),
            traits: try TraitColumns(row: row, from: 13, of: handle).traits)
    }
}

extension TraitColumns {
    /// The values in the order of the columns of `Statement.insertSession`.
    fileprivate var values: [SQLiteValue] {
        [
            Self.value(authenticatedAt), Self.value(absoluteLimit), Self.value(idleLimit),
            level.map { .text($0) } ?? .null, methods.map { .text($0) } ?? .null, Self.value(levelAt),
            Self.value(flags), device.map { .text($0) } ?? .null,
            boundKey.map { .text($0) } ?? .null,
        ]
    }

    private static func value(_ number: Int64?) -> SQLiteValue { number.map { .integer($0) } ?? .null }

    /// Reads the columns from a place on.
    fileprivate init(row: SQLiteRow, from first: Int32, of handle: String) throws(StorageError) {
        // All are NULL in nearly every row.
        func number(_ column: Int32) throws(StorageError) -> Int64? {
            row.isNull(first + column) ? nil : try row.integer(first + column, of: "session_info", handle)
        }
        func text(_ column: Int32) throws(StorageError) -> String? {
            row.isNull(first + column) ? nil : try row.text(first + column, of: "session_info", handle)
        }
        self.init(
            authenticatedAt: try number(0), absoluteLimit: try number(1), idleLimit: try number(2), level: try text(3),
            methods: try text(4), levelAt: try number(5), flags: try number(6), device: try text(7),
            boundKey: try text(8))
    }
}

extension LivenessBounds {
    /// The values of `?3`, `?4` and `?5`.
    var values: [SQLiteValue] {
        [.integer(time)] + [normalFloor, rememberedFloor].map { $0.map { .integer($0) } ?? .null }
    }
}

extension SigningKeyRecord {
    /// The values of the columns of `Statement.insertKey` after `app_id`.
    var columns: [SQLiteValue] {
        [
            .text(id.rawValue), .text(kind.rawValue), .text(algorithm.rawValue), .integer(createdAt.milliseconds),
            .blob(privateKeyDER), firstUsedAt.map { .integer($0.milliseconds) } ?? .null,
            verifiesUntil.map { .integer($0.milliseconds) } ?? .null,
        ]
    }

    /// Reads the columns of `Statement.selectKeys`.
    init(row: SQLiteRow) throws(StorageError) {
        guard let id = KeyID(row.text(0)), let kind = SigningKeyKind(rawValue: row.text(1)),
            let algorithm = SigningAlgorithm(rawValue: row.text(2))
        else {
            throw StorageError(
                .corrupt, "signing_keys, key_id \(row.text(0).prefix(128)): its key_id, kind or algorithm is unknown")
        }
        self.init(
            id: id, kind: kind, algorithm: algorithm,
            createdAt: Timestamp(milliseconds: try row.integer(3, of: "signing_keys", id.rawValue)),
            privateKeyDER: row.blob(4), firstUsedAt: row.isNull(5) ? nil : Timestamp(milliseconds: row.integer(5)),
            verifiesUntil: row.isNull(6) ? nil : Timestamp(milliseconds: row.integer(6)))
    }
}
