import Foundations
import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage

/// The statements that read or write one session by its key; `$app` and `$handle` are in all of them.
extension QuotedTables {
    /// The columns of an audit event after `app_id`.
    static let auditColumns = "time, event, session_handle, tenant_id, user_id, details, actor, means"
    /// Their values, ``AuditEvent/values``.
    static let auditValues = """
        $eventTime, $event, $eventSession, $eventTenant, $eventUser, $eventDetails, $eventActor, $eventMeans
        """

    /// A write of one row, with and without an audit event.
    private func audited(_ name: String, _ sql: String) -> AuditedStatement {
        AuditedStatement(
            plain: PostgresStatement(name, .write, sql),
            withAudit: PostgresStatement(
                "\(name)WithAudit", .write,
                """
                WITH written AS (\(sql) RETURNING 1) INSERT INTO \(auditLog) (app_id, \(Self.auditColumns)) \
                SELECT $app, \(Self.auditValues) FROM written
                """))
    }

    /// The columns of a session's traits, ``TraitColumns``.
    static let traitColumns = """
        tessera_authenticated_at, tessera_absolute_limit, tessera_idle_limit, tessera_level, tessera_amr, \
        tessera_level_at, tessera_flags, tessera_device, tessera_bound_key
        """
    static let traitValues = "$authenticated, $absolute, $idle, $level, $amr, $levelAt, $flags, $device, $boundKey"

    /// Whether a row of sessions is alive at `$now` with the bounds `$normalFloor` and `$rememberedFloor`.
    static let isLive = LivenessBounds.condition(
        now: "$now", normal: "$normalFloor", remembered: "$rememberedFloor", prefix: "tessera_", largest: "greatest")

    /// Who acted in a row of sessions that ends, as details of its audit event.
    static let actorDetails = ActorColumn.details(prefix: "tessera_", position: "strpos")

    /// ``actorDetails`` under the name `acting`, and what an operator said, `$note`.
    static let endDetails = """
        CASE WHEN acting = '{}' THEN $note::text WHEN $note = '{}' THEN acting \
        ELSE left(acting, -1) || ',' || substr($note, 2) END
        """

    var insertion: String {
        """
        INSERT INTO \(sessions) (app_id, session_handle, tenant_id, user_id, refresh_token_hash_2, session_data, \
        jwt_user_payload, created_at_time, expires_at, use_static_key, prev_refresh_token_hash_2, \
        refresh_token_rotated_at, tessera_sharing, tessera_generation, \(Self.traitColumns))
        """
    }

    var insertedValues: String {
        """
        $app, $handle, $tenant, $user, $hash, $data, $payload, \(creation), $expires, $static, $previousHash, $rotated, \
        $sharing, $rotations, \(Self.traitValues)
        """
    }

    /// Inserts a session of the tenant public, which is always there.
    var insertPublicSession: AuditedStatement {
        audited("insertPublicSession", "\(insertion) VALUES (\(insertedValues))")
    }

    /// Inserts a session if its tenant exists.
    var insertSession: AuditedStatement {
        audited(
            "insertSession",
            """
            \(insertion) SELECT \(insertedValues) \
            WHERE EXISTS (SELECT 1 FROM \(tenants) WHERE app_id = $app AND tenant_id = $tenant)
            """)
    }

    private var isNamed: String { "WHERE app_id = $app AND session_handle = $handle AND \(isNotCutOff)" }
    private var isAsRead: String { "\(isNamed) AND tessera_version = $version AND refresh_token_hash_2 = $readHash" }

    /// Reads a session in the order of `SessionRecord.init(row:)`, then the version of the row, the database's time, the
    /// primary user and the traits.
    var selectSession: PostgresStatement { selection("selectSession", primaryUser: "NULL") }

    /// The same where a SuperTokens core links accounts.
    var selectSessionInPlace: PostgresStatement {
        selection("selectSessionInPlace", primaryUser: "(\(primaryUser(of: "own.user_id", in: "own.app_id")))")
    }

    private func selection(_ name: String, primaryUser: String) -> PostgresStatement {
        PostgresStatement(
            name, .read,
            """
            SELECT session_handle, tenant_id, user_id, refresh_token_hash_2, coalesce(session_data, '{}'), \
            coalesce(jwt_user_payload, '{}'), created_at_time, expires_at, use_static_key, prev_refresh_token_hash_2, \
            refresh_token_rotated_at, tessera_sharing, tessera_generation, tessera_version, \
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, \(primaryUser), \(Self.traitColumns) \
            FROM \(sessions) AS own \(isNamed)
            """)
    }

    private var rotation: String {
        """
        UPDATE \(sessions) SET refresh_token_hash_2 = $hash, expires_at = $expires, use_static_key = $static, \
        prev_refresh_token_hash_2 = $previousHash, refresh_token_rotated_at = $rotated, tessera_sharing = $sharing, \
        tessera_generation = $rotations, tessera_version = tessera_version + 1
        """
    }

    /// Writes the columns that a rotation changes, if the row is as it was read.
    var rotateSession: AuditedStatement { audited("rotateSession", "\(rotation) \(isAsRead)") }

    /// Writes all columns, if the row is as it was read.
    var replaceSession: AuditedStatement {
        audited(
            "replaceSession",
            """
            \(rotation), tenant_id = $tenant, user_id = $user, session_data = $data, jwt_user_payload = $payload, \
            created_at_time = $created, (\(Self.traitColumns)) = ROW (\(Self.traitValues)) \(isAsRead)
            """)
    }

    /// Deletes a session, if the row is as it was read.
    var deleteSessionAsRead: AuditedStatement {
        audited("deleteSessionAsRead", "DELETE FROM \(sessions) \(isAsRead)")
    }

    /// Writes an audit event and nothing else, if the row is as it was read.
    var auditSessionAsRead: PostgresStatement {
        PostgresStatement(
            "auditSessionAsRead", .write,
            """
            INSERT INTO \(auditLog) (app_id, \(Self.auditColumns)) \
            SELECT $app, \(Self.auditValues) FROM \(sessions) \(isAsRead)
            """)
    }

    /// Deletes a session; the audit event of a revocation takes its tenant and user from the row.
    var deleteSession: AuditedStatement {
        AuditedStatement(
            plain: PostgresStatement(
                "deleteSession", .write, "DELETE FROM \(sessions) \(isNamed) RETURNING session_handle"),
            withAudit: PostgresStatement(
                "deleteSessionWithAudit", .write,
                """
                WITH ended AS (DELETE FROM \(sessions) \(isNamed) RETURNING session_handle, tenant_id, user_id, \
                \(Self.actorDetails) AS acting) INSERT INTO \(auditLog) (app_id, \(Self.auditColumns)) \
                SELECT $app, $eventTime, 'revoked', session_handle, tenant_id, user_id, \(Self.endDetails), $eventActor, \
                $eventMeans FROM ended \
                RETURNING session_handle
                """))
    }
}

extension SessionRecord {
    /// The values of an insertion.
    var values: NamedValues { rotationValues + otherValues }

    /// The values that a rotation writes.
    var rotationValues: NamedValues {
        [
            "hash": .text(currentTokenHash.hex), "expires": .integer(expiresAt.milliseconds),
            "static": .bool(signingKeyKind == .static), "previousHash": .text(previousTokenHash?.hex),
            "rotated": .integer(rotatedAt?.milliseconds), "sharing": .text(storedSharing?.stored),
            "rotations": .integer(rotationCount.rawValue),
        ]
    }

    /// The values that no rotation writes.
    var otherValues: NamedValues {
        [
            "tenant": .text(tenantID.rawValue), "user": .text(userID.rawValue), "data": .text(sessionData.text),
            "payload": .text(accessTokenPayload.text), "created": .integer(createdAt.milliseconds),
        ] + TraitColumns(traits).values
    }

    /// Whether another record differs in nothing but what a rotation writes.
    func isRotation(of other: SessionRecord) -> Bool {
        tenantID == other.tenantID && userID == other.userID && createdAt == other.createdAt
            && sessionData == other.sessionData && accessTokenPayload == other.accessTokenPayload
            && traits == other.traits
    }

    /// Reads the columns of ``QuotedTables/selectSession``.
    init(row: PostgresRow) {
        self.init(
            handle: SessionHandle(row.text(0)), tenantID: TenantID(row.text(1)), userID: UserID(row.text(2)),
            currentTokenHash: StoredTokenHash(stored: row.text(3)),
            sessionData: JSONObjectText(stored: row.text(4)),
            accessTokenPayload: JSONObjectText(stored: row.text(5)),
            createdAt: Timestamp(milliseconds: row.integer(6)), expiresAt: Timestamp(milliseconds: row.integer(7)),
            signingKeyKind: row.bool(8) ? .static : .dynamic,
            previousTokenHash: row.optionalText(9).map(StoredTokenHash.init(stored:)),
            rotatedAt: row.optionalInteger(10).map(Timestamp.init(milliseconds:)),
            rotationCount: RotationCount(stored: row.integer(12)),
            storedSharing: row.optionalText(11).flatMap(SharingState.init(stored:)),
            traits: TraitColumns(row: row, from: 16).traits)
    }
}

extension TraitColumns {
    /// The values of ``QuotedTables/traitValues``.
    fileprivate var values: NamedValues {
        [
            "authenticated": .integer(authenticatedAt), "absolute": .integer(absoluteLimit),
            "idle": .integer(idleLimit),
            "level": .text(level), "amr": .text(methods), "levelAt": .integer(levelAt), "flags": .integer(flags),
            "device": .text(device), "boundKey": .text(boundKey),
        ]
    }

    /// Reads the columns from a place on.
    fileprivate init(row: PostgresRow, from first: Int32) {
        self.init(
            authenticatedAt: row.optionalInteger(first), absoluteLimit: row.optionalInteger(first + 1),
            idleLimit: row.optionalInteger(first + 2), level: row.optionalText(first + 3),
            methods: row.optionalText(first + 4), levelAt: row.optionalInteger(first + 5),
            flags: row.optionalInteger(first + 6), device: row.optionalText(first + 7),
            boundKey: row.optionalText(first + 8))
    }
}

extension LivenessBounds {
    /// The values of ``QuotedTables/isLive``.
    var values: NamedValues {
        ["now": .integer(time), "normalFloor": .integer(normalFloor), "rememberedFloor": .integer(rememberedFloor)]
    }
}

extension AuditEvent {
    /// The values of ``QuotedTables/auditColumns``.
    var values: NamedValues {
        [
            "eventTime": .integer(time.milliseconds), "event": .text(name.rawValue),
            "eventSession": .text(handle?.rawValue ?? ""), "eventTenant": .text(tenantID?.rawValue),
            "eventUser": .text(userID?.rawValue), "eventDetails": .text(JSONObjectText(details).text),
            "eventActor": .text(actor?.rawValue), "eventMeans": .text(means?.rawValue),
        ]
    }
}

extension Revocation? {
    /// The values of the audit events of a revocation; NULL where there are none.
    var values: NamedValues {
        [
            "eventTime": .integer(self?.time.milliseconds), "eventActor": .text(self?.actor.rawValue),
            "eventMeans": .text(self?.means.rawValue), "note": .text(JSONObjectText(self?.note?.details ?? [:]).text),
        ]
    }

    /// The members that an operator's note adds to other details, with a comma before them.
    var noteMembers: String {
        guard let note = self?.note else { return "" }
        return "," + JSONObjectText(note.details).text.dropFirst().dropLast()
    }
}
