#if PostgreSQL
    import LosslessJSON
    import SessionEngine
    import SessionStorage

    /// The statements over one set of tables.
    ///
    /// Each commits by itself, and each that a session's operation uses names one row by its key. A write says in its
    /// `WHERE` what it expects to find there, so that of many who write one row at once exactly one does, at any isolation
    /// level and without a lock of ours. An entry of the audit trail is part of the statement that it tells about.
    struct Statements: Sendable {
        let tables: TableNames
        let sessions: String
        let trail: String
        let tenants: String
        let apps: String
        let values: String
        let keys: String
        let users: String
        let cutOffs: String

        let insertPublicSession: PostgresStatement
        let insertPublicSessionAndTell: PostgresStatement
        let insertSession: PostgresStatement
        let insertSessionAndTell: PostgresStatement
        let selectSession: PostgresStatement
        let rotateSession: PostgresStatement
        let rotateSessionAndTell: PostgresStatement
        let replaceSession: PostgresStatement
        let replaceSessionAndTell: PostgresStatement
        let deleteSessionAsRead: PostgresStatement
        let deleteSessionAsReadAndTell: PostgresStatement
        let tellOfSessionAsRead: PostgresStatement
        let deleteSession: PostgresStatement
        let deleteSessionAndTell: PostgresStatement

        /// The columns of ``SessionRecord`` in the order of `SessionRecord.init(row:)`, the version of the row, and the time.
        static let columns = """
            session_handle, tenant_id, user_id, refresh_token_hash_2, coalesce(session_data, '{}'), \
            coalesce(jwt_user_payload, '{}'), created_at_time, expires_at, use_static_key, prev_refresh_token_hash_2, \
            refresh_token_rotated_at, tessera_sharing, tessera_generation, tessera_version, \
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
            """
        private static let written = """
            app_id, session_handle, tenant_id, user_id, refresh_token_hash_2, session_data, jwt_user_payload, \
            created_at_time, expires_at, use_static_key, prev_refresh_token_hash_2, refresh_token_rotated_at, \
            tessera_sharing, tessera_generation
            """
        private static func inserted(_ cutOffs: String) -> String {
            (1...14).map { $0 == 8 ? creation(cutOffs) : "$\($0)" }.joined(separator: ", ")
        }

        /// The columns of an entry of the trail after `app_id`.
        static let told = "time, event, session_handle, tenant_id, user_id, details"

        init(_ tables: TableNames) {
            self.tables = tables
            let (sessions, tenants) = (tables.quoted("session_info"), tables.quoted("tenants"))
            let trail = tables.quoted("tessera_audit_trail")
            (self.sessions, self.trail, self.tenants) = (sessions, trail, tenants)
            apps = tables.quoted("apps")
            values = tables.quoted("key_value")
            keys = tables.quoted("tessera_signing_keys")
            users = tables.quoted("user_last_active")
            let cutOffs = tables.quoted("tessera_cut_offs")
            self.cutOffs = cutOffs

            /// A statement that writes one row, followed by the entry of the trail whose values begin at a number.
            func telling(_ statement: String, from first: Int) -> String {
                let values = (first...(first + 5)).map { "$\($0)" }.joined(separator: ", ")
                return """
                    WITH written AS (\(statement) RETURNING 1) INSERT INTO \(trail) (app_id, \(Self.told)) \
                    SELECT $1, \(values) FROM written
                    """
            }

            let insert = "INSERT INTO \(sessions) (\(Self.written)) "
            let inserted = Self.inserted(cutOffs)
            let public_ = insert + "VALUES (\(inserted))"
            let exists = "EXISTS (SELECT 1 FROM \(tenants) WHERE app_id = $1 AND tenant_id = $3)"
            let tenant = "\(insert)SELECT \(inserted) WHERE \(exists)"
            insertPublicSession = PostgresStatement("insertPublicSession", .write, public_)
            insertPublicSessionAndTell = PostgresStatement(
                "insertPublicSessionAndTell", .write, telling(public_, from: 15))
            insertSession = PostgresStatement("insertSession", .write, tenant)
            insertSessionAndTell = PostgresStatement("insertSessionAndTell", .write, telling(tenant, from: 15))

            let named = "WHERE app_id = $1 AND session_handle = $2 AND \(Self.isNotCutOff(cutOffs))"
            let asRead = named + " AND tessera_version = $3 AND refresh_token_hash_2 = $4"
            selectSession = PostgresStatement(
                "selectSession", .read, "SELECT \(Self.columns) FROM \(sessions) \(named)")
            let rotate = """
                UPDATE \(sessions) SET refresh_token_hash_2 = $5, expires_at = $6, use_static_key = $7, \
                prev_refresh_token_hash_2 = $8, refresh_token_rotated_at = $9, tessera_sharing = $10, \
                tessera_generation = $11, tessera_version = tessera_version + 1
                """
            rotateSession = PostgresStatement("rotateSession", .write, "\(rotate) \(asRead)")
            rotateSessionAndTell = PostgresStatement(
                "rotateSessionAndTell", .write, telling("\(rotate) \(asRead)", from: 12))
            let rest =
                "tenant_id = $12, user_id = $13, session_data = $14, jwt_user_payload = $15, created_at_time = $16"
            let replace = "\(rotate), \(rest) \(asRead)"
            replaceSession = PostgresStatement("replaceSession", .write, replace)
            replaceSessionAndTell = PostgresStatement(
                "replaceSessionAndTell", .write, telling(replace, from: 17))
            let delete = "DELETE FROM \(sessions) \(asRead)"
            deleteSessionAsRead = PostgresStatement("deleteSessionAsRead", .write, delete)
            deleteSessionAsReadAndTell = PostgresStatement(
                "deleteSessionAsReadAndTell", .write, telling(delete, from: 5))
            tellOfSessionAsRead = PostgresStatement(
                "tellOfSessionAsRead", .write,
                """
                INSERT INTO \(trail) (app_id, \(Self.told)) SELECT $1, $5, $6, $7, $8, $9, $10 FROM \(sessions) \(asRead)
                """)
            deleteSession = PostgresStatement(
                "deleteSession", .write, "DELETE FROM \(sessions) \(named) RETURNING session_handle")
            deleteSessionAndTell = PostgresStatement(
                "deleteSessionAndTell", .write,
                """
                WITH ended AS (DELETE FROM \(sessions) \(named) RETURNING session_handle, tenant_id, user_id) \
                INSERT INTO \(trail) (app_id, \(Self.told)) \
                SELECT $1, $3, 'revoked', session_handle, tenant_id, user_id, $4 FROM ended RETURNING session_handle
                """)
        }
    }

    extension SessionRecord {
        /// The values of an insertion after `app_id`.
        var columns: [PostgresValue] {
            [
                .text(handle.text), .text(tenantID.text), .text(userID.text), .text(currentTokenHash.hex),
                .text(sessionData.text), .text(accessTokenPayload.text), .integer(createdAt.milliseconds),
                .integer(expiresAt.milliseconds), .bool(signingKeyKind == .static), .text(previousTokenHash?.hex),
                .integer(rotatedAt?.milliseconds), .text(storedSharing?.stored), .integer(rotationCount.rawValue),
            ]
        }

        /// What a rotation writes.
        var rotation: [PostgresValue] {
            [
                .text(currentTokenHash.hex), .integer(expiresAt.milliseconds), .bool(signingKeyKind == .static),
                .text(previousTokenHash?.hex), .integer(rotatedAt?.milliseconds), .text(storedSharing?.stored),
                .integer(rotationCount.rawValue),
            ]
        }

        /// What no rotation writes.
        var rest: [PostgresValue] {
            [
                .text(tenantID.text), .text(userID.text), .text(sessionData.text), .text(accessTokenPayload.text),
                .integer(createdAt.milliseconds),
            ]
        }

        /// Whether another record differs in nothing but what a rotation writes.
        func isRotation(of other: SessionRecord) -> Bool {
            tenantID == other.tenantID && userID == other.userID && createdAt == other.createdAt
                && sessionData == other.sessionData && accessTokenPayload == other.accessTokenPayload
        }

        /// Reads the columns of ``Statements/columns``.
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
                storedSharing: row.optionalText(11).flatMap(SharingState.init(stored:)))
        }
    }

    extension AuditEvent {
        /// The values of an entry of the trail after `app_id`.
        var columns: [PostgresValue] {
            [
                .integer(time.milliseconds), .text(name.rawValue), .text(handle?.text ?? ""), .text(tenantID?.text),
                .text(userID?.text), .text(JSONObjectText(details).text),
            ]
        }
    }
#endif
