import Foundations
import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage

/// The statements about signing keys and named values; `$app` is the app.
extension Statements {
    /// The name of the value that counts the changes of an app's keys.
    private static let revision = "'tessera_keys_revision'"

    /// Reads the number of changes of the keys with each key; one row without a key where there is none.
    var selectKeys: PostgresStatement {
        PostgresStatement(
            "selectKeys", .read,
            """
            SELECT counted.revision, key_id, kind, algorithm, created_at_time, private_key, first_used_time, \
            verifies_until FROM (SELECT (SELECT value::bigint FROM \(tables.values) WHERE app_id = $app AND tenant_id = 'public' \
            AND name = \(Self.revision)) AS revision) AS counted \
            LEFT JOIN \(tables.keys) AS made ON made.app_id = $app
            """)
    }

    /// Changes the keys of an app, if they have not changed since they were read at `$revision`; all else is in arrays.
    func changeKeys(mirrored: Bool) -> PostgresStatement {
        let changes = [guardedByRevision, addedKeys, removedKeys, updatedKeys, auditedKeys] + (mirrored ? mirror : [])
        return PostgresStatement(
            mirrored ? "changeKeysMirrored" : "changeKeys", .alone,
            "WITH \(changes.joined(separator: ", ")) SELECT 1 FROM guarded")
    }

    private var guardedByRevision: String {
        """
        guarded AS (INSERT INTO \(tables.values) AS counted (app_id, tenant_id, name, value, created_at_time) \
        SELECT $app, 'public', \(Self.revision), ($revision + 1)::text, $time \
        WHERE EXISTS (SELECT 1 FROM \(tables.tenants) WHERE app_id = $app) \
        ON CONFLICT (app_id, tenant_id, name) DO UPDATE SET value = excluded.value \
        WHERE counted.value = $revision::text RETURNING 1)
        """
    }

    private var addedKeys: String {
        """
        added AS (INSERT INTO \(tables.keys) (app_id, key_id, kind, algorithm, created_at_time, private_key, \
        first_used_time, verifies_until) SELECT $app, new.id, new.kind, new.algorithm, new.created, \
        decode(new.bytes, 'hex'), \(Self.time("new.used")), \(Self.time("new.until")) FROM guarded, \
        unnest($ids, $kinds, $algorithms, $created, $bytes, $used, $until) \
        AS new (id, kind, algorithm, created, bytes, used, until) ON CONFLICT (app_id, key_id) DO NOTHING)
        """
    }

    private var removedKeys: String {
        """
        removed AS (DELETE FROM \(tables.keys) WHERE app_id = $app AND key_id = ANY ($removed) \
        AND EXISTS (SELECT 1 FROM guarded))
        """
    }

    private var updatedKeys: String {
        """
        updated AS (UPDATE \(tables.keys) AS made SET private_key = decode(new.bytes, 'hex'), \
        first_used_time = \(Self.time("new.used")), verifies_until = \(Self.time("new.until")) FROM guarded, \
        unnest($updatedIds, $updatedBytes, $updatedUsed, $updatedUntil) AS new (id, bytes, used, until) \
        WHERE made.app_id = $app AND made.key_id = new.id)
        """
    }

    /// A time from an array, in which one value stands for NULL.
    private static func time(_ column: String) -> String { "nullif(\(column), '\(Int64.never)'::bigint)" }

    private var auditedKeys: String {
        """
        audit AS (INSERT INTO \(tables.auditLog) (app_id, time, event, session_handle, details, actor) \
        SELECT $app, new.time, new.event, '', new.details, nullif(new.actor, '') FROM guarded, \
        unnest($eventTimes, $events, $eventDetails, $eventActors) WITH ORDINALITY \
        AS new (time, event, details, actor, position) \
        ORDER BY new.position)
        """
    }

    /// The same change in the tables of SuperTokens' core, so that a team can switch back.
    private var mirror: [String] {
        let (dynamic, fixed) = (names.quoted("session_access_token_signing_keys"), names.quoted("jwt_signing_keys"))
        return [
            """
            added_dynamic AS (INSERT INTO \(dynamic) (app_id, created_at_time, value) \
            SELECT $app, new.created, new.value FROM guarded, unnest($dynamicCreated, $dynamicValues) \
            AS new (created, value) ON CONFLICT (app_id, created_at_time) DO NOTHING)
            """,
            """
            added_static AS (INSERT INTO \(fixed) (app_id, key_id, key_string, algorithm, created_at) \
            SELECT $app, new.id, new.value, 'RS256', new.created FROM guarded, \
            unnest($staticIds, $staticValues, $staticCreated) AS new (id, value, created) \
            ON CONFLICT (app_id, key_id) DO NOTHING)
            """,
            """
            removed_dynamic AS (DELETE FROM \(dynamic) WHERE app_id = $app \
            AND created_at_time = ANY ($dynamicRemoved) AND EXISTS (SELECT 1 FROM guarded))
            """,
            """
            removed_static AS (DELETE FROM \(fixed) WHERE app_id = $app AND key_id = ANY ($removed) \
            AND EXISTS (SELECT 1 FROM guarded))
            """,
        ]
    }

    /// The keys that a SuperTokens core made, in its own tables.
    var selectForeignKeys: PostgresStatement {
        PostgresStatement(
            "selectForeignKeys", .read,
            """
            SELECT 'd-' || created_at_time, 'RS256', created_at_time, value \
            FROM \(names.quoted("session_access_token_signing_keys")) WHERE app_id = $app UNION ALL \
            SELECT key_id, algorithm, created_at, key_string FROM \(names.quoted("jwt_signing_keys")) \
            WHERE app_id = $app
            """)
    }

    /// The names of the keys of the apps `$apps`, with those in the tables of a SuperTokens core.
    func selectKeyIDs(mirrored: Bool) -> PostgresStatement {
        let own = "SELECT app_id, key_id FROM \(tables.keys) WHERE app_id = ANY ($apps)"
        let foreign = """
            UNION ALL SELECT app_id, 'd-' || created_at_time \
            FROM \(names.quoted("session_access_token_signing_keys")) WHERE app_id = ANY ($apps) \
            UNION ALL SELECT app_id, key_id FROM \(names.quoted("jwt_signing_keys")) WHERE app_id = ANY ($apps)
            """
        return PostgresStatement(
            mirrored ? "selectKeyIDsMirrored" : "selectKeyIDs", .read, mirrored ? "\(own) \(foreign)" : own)
    }

    var selectValue: PostgresStatement {
        PostgresStatement(
            "selectValue", .read,
            "SELECT value FROM \(tables.values) WHERE app_id = $app AND tenant_id = 'public' AND name = $name")
    }

    /// Replaces `$old` by `$new`, with an audit event unless `$eventTime` is NULL.
    var replaceValue: PostgresStatement {
        PostgresStatement(
            "replaceValue", .alone,
            """
            WITH replaced AS (UPDATE \(tables.values) SET value = $new WHERE app_id = $app AND tenant_id = 'public' \
            AND name = $name AND value = $old RETURNING 1), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, time, event, session_handle, details, actor) \
            SELECT $app, $eventTime, $event, '', $eventDetails, $eventActor FROM replaced WHERE $eventTime IS NOT NULL) \
            SELECT 1 FROM replaced
            """)
    }

    /// Stores a value unless there is one, with an audit event unless `$eventTime` is NULL.
    var insertValue: PostgresStatement {
        PostgresStatement(
            "insertValue", .alone,
            """
            WITH stored AS (INSERT INTO \(tables.values) (app_id, tenant_id, name, value, created_at_time) \
            SELECT $app, 'public', $name, $value, $created \
            WHERE EXISTS (SELECT 1 FROM \(tables.tenants) WHERE app_id = $app) \
            ON CONFLICT (app_id, tenant_id, name) DO NOTHING RETURNING 1), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, time, event, session_handle, details, actor) \
            SELECT $app, $eventTime, $event, '', $eventDetails, $eventActor FROM stored WHERE $eventTime IS NOT NULL) \
            SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM \(tables.tenants) WHERE app_id = $app)
            """)
    }
}

extension SigningKeyChange {
    /// The values of `Statements.changeKeys(mirrored:)` for the own table, but the revision.
    var values: NamedValues {
        [
            "ids": .texts(added.map(\.id.rawValue)), "kinds": .texts(added.map(\.kind.rawValue)),
            "algorithms": .texts(added.map(\.algorithm.rawValue)),
            "created": .integers(added.map(\.createdAt.milliseconds)),
            "bytes": .texts(added.map { Hex.encode($0.privateKeyDER) }),
            "used": .times(added.map(\.firstUsedAt)), "until": .times(added.map(\.verifiesUntil)),
            "removed": .texts(removed.map(\.rawValue)), "updatedIds": .texts(updated.map(\.id.rawValue)),
            "updatedBytes": .texts(updated.map { Hex.encode($0.privateKeyDER) }),
            "updatedUsed": .times(updated.map(\.firstUsedAt)), "updatedUntil": .times(updated.map(\.verifiesUntil)),
            "eventTimes": .integers(events.map(\.time.milliseconds)), "events": .texts(events.map(\.name.rawValue)),
            "eventDetails": .texts(events.map { JSONObjectText($0.details).text }),
            "eventActors": .texts(events.map { $0.actor?.rawValue ?? "" }),
            "time": .integer(events.first?.time.milliseconds ?? 0),
        ]
    }
}

extension Int64 {
    /// Stands for NULL in an array of times.
    fileprivate static let never = Int64.min
}

extension PostgresValue {
    fileprivate static func times(_ times: [Timestamp?]) -> PostgresValue {
        .integers(times.map { $0?.milliseconds ?? .never })
    }
}

extension SigningKeyRecord {
    /// Reads the columns of `Statements.selectKeys` after the revision.
    init(row: PostgresRow) throws(StorageError) {
        guard let id = KeyID(row.text(1)), let kind = SigningKeyKind(rawValue: row.text(2)),
            let algorithm = SigningAlgorithm(rawValue: row.text(3))
        else {
            throw StorageError(
                .corrupt,
                "tessera_signing_keys, key_id \(row.text(1).prefix(128)): its key_id, kind or algorithm is unknown")
        }
        self.init(
            id: id, kind: kind, algorithm: algorithm, createdAt: Timestamp(milliseconds: row.integer(4)),
            privateKeyDER: try row.storedBytes(5),
            firstUsedAt: row.optionalInteger(6).map(Timestamp.init(milliseconds:)),
            verifiesUntil: row.optionalInteger(7).map(Timestamp.init(milliseconds:)))
    }
}
