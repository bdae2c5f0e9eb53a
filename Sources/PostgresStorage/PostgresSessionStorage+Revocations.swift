import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        let values: NamedValues = ["after": .integer(sequence), "limit": .integer(Int64(max(0, limit)))]
        let result = try await run(statements.selectRevocations, values)
        let rows = result.rows { row in
            row.optionalInteger(2).map { number in
                let record = RevocationRecord(
                    sequence: number, kind: row.text(3), subject: row.text(4), tenant: row.text(5),
                    time: row.integer(6), notedAt: row.integer(7))
                return (number: number, record: record)
            }
        }.compactMap(\.self)
        return RevocationPage(
            history: result.first?.text(0) ?? "", time: Timestamp(milliseconds: result.first?.integer(1) ?? 0),
            records: rows.compactMap(\.record), last: rows.last?.number,
            isLast: rows.count < limit)
    }

    public func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        let values: NamedValues = ["time": .integer(time.milliseconds), "limit": .integer(Int64(max(0, limit)))]
        return try await run(statements.trimRevocations, values).affected
    }
}

/// The statements about the ends that were noted; `$app` is the app.
extension Statements {
    /// Reads up to `$limit` rows after the number `$after`; one row without a number where there is none.
    ///
    /// Each has the name of the history: the cluster, its timeline and how often it was put back from a copy. A standby has no history of its own and refuses it.
    fileprivate var selectRevocations: PostgresStatement {
        PostgresStatement(
            "selectRevocations", .read,
            """
            SELECT history.name, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, noted.* FROM (SELECT (SELECT system_identifier::text FROM pg_control_system()) || '-' || \
            substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '-' || coalesce((SELECT value FROM \(tables.values) \
            WHERE app_id = 'public' AND tenant_id = 'public' \
            AND name = '\(StoredValueName.restoreNumber.rawValue)'), '0') AS name) AS history \
            LEFT JOIN LATERAL (SELECT sequence, kind, subject, tenant, time, noted_at FROM \(tables.revocations) \
            WHERE app_id = $app AND sequence > $after ORDER BY sequence LIMIT $limit) AS noted ON true
            """)
    }

    /// Deletes up to `$limit` old rows, also of apps that are gone; keys stay.
    fileprivate var trimRevocations: PostgresStatement {
        PostgresStatement(
            "trimRevocations", .alone,
            """
            DELETE FROM \(tables.revocations) WHERE sequence = ANY (ARRAY(SELECT sequence FROM \(tables.revocations) AS old \
            WHERE noted_at < $time AND kind <> 'key' AND (app_id = $app \
            OR NOT EXISTS (SELECT 1 FROM \(tables.apps) AS a WHERE a.app_id = old.app_id)) \
            ORDER BY sequence LIMIT $limit))
            """)
    }
}
