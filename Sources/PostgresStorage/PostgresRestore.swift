import LibPQClient
import SessionEngine
public import SessionStorage

extension PostgresDatabase {
    /// Marks the database as one that was put back from a copy, so that tokens that are newer than it accuse no one
    /// (docs/decisions/0019, "Restore").
    ///
    /// No core may use the database meanwhile; each reads the restore number when it starts. Doing it again does no
    /// harm.
    ///
    /// - Throws: `StorageError`; what was done until then stays done.
    public func markRestored(_ order: RestoreOrder) async throws(StorageError) -> RestoreReport {
        let number = try RestoreOrder.number(after: [restoreNumber])
        var report = RestoreReport(number: number, ended: 0, lastSequences: [:])
        let rows = try await run(statements.selectLastSequences, [:])
        for (app, last) in rows.rows({ (AppID($0.text(0)), $0.integer(1)) }) {
            report.lastSequences[app] = last
        }
        let first = RestoreOrder.firstSequence(number)
        let last = report.lastSequences.values.max() ?? 0
        _ = try await run(statements.raiseSequence, ["next": .integer(max(first, last + 1))])
        for (app, last) in report.lastSequences {
            let event = AuditEvent.restored(number: number, lastSequence: last, at: order.time)
            _ = try await run(statements.insertAuditEvent, ["app": .text(app.rawValue)] + event.values)
        }
        _ = try await run(
            statements.putRestoreNumber, ["number": .text("\(number)"), "time": .integer(order.time.milliseconds)])
        for app in report.lastSequences.keys {
            report.ended += try await end(in: app, order, after: report.lastSequences[app] ?? 0)
        }
        return report
    }

    private func end(
        in app: AppID, _ order: RestoreOrder, after last: Int64
    ) async throws(StorageError) -> Int {
        let storage = storage(of: app)
        guard order.endsAllSessions else {
            let handles = order.ends.filter { $0.app == app && $0.sequence > last }.map(\.handle)
            var ended = try await storage.remove(.handles(handles), audit: order.revocation).count
            for end in order.massEnds where end.app == app && end.sequence > last {
                ended += try await repeatMassEnd(end, order.revocation)
            }
            return ended
        }
        var (ended, batch) = (0, [SessionHandle]())
        repeat {
            batch = try await run(statements.selectSomeHandles, ["app": .text(app.rawValue)])
                .rows { SessionHandle($0.text(0)) }
            ended += try await storage.remove(.handles(batch), audit: order.revocation).count
        } while !batch.isEmpty
        return ended
    }
}

extension PostgresDatabase {
    fileprivate func repeatMassEnd(
        _ end: RestoreOrder.MassEnd, _ revocation: Revocation
    ) async throws(StorageError) -> Int {
        let values: NamedValues = [
            "app": .text(end.app.rawValue), "user": .text(end.user.rawValue),
            "time": .integer(end.createdUpTo.milliseconds),
            "tenant": .text(end.tenant?.rawValue),
        ]
        var (ended, batch) = (0, [SessionHandle]())
        repeat {
            batch = try await run(statements.selectSomeHandlesOfUser, values)
                .rows { SessionHandle($0.text(0)) }
            ended += try await storage(of: end.app).remove(.handles(batch), audit: revocation).count
        } while !batch.isEmpty
        return ended
    }
}

extension Statements {
    fileprivate var selectSomeHandlesOfUser: PostgresStatement {
        PostgresStatement(
            "selectSomeHandlesOfUser", .read,
            """
            SELECT session_handle FROM \(tables.sessions) WHERE app_id = $app AND user_id = $user \
            AND created_at_time <= $time AND ($tenant IS NULL OR tenant_id = $tenant) AND \(tables.isNotCutOff) LIMIT 2000
            """)
    }

    fileprivate var selectLastSequences: PostgresStatement {
        PostgresStatement(
            "selectLastSequences", .read,
            """
            SELECT app_id, (SELECT coalesce(max(sequence), 0) FROM \(tables.auditLog) AS log \
            WHERE log.app_id = apps.app_id) FROM \(tables.apps) AS apps
            """)
    }

    fileprivate var raiseSequence: PostgresStatement {
        PostgresStatement(
            "raiseSequence", .alone,
            "SELECT setval(pg_get_serial_sequence('\(tables.auditLog)', 'sequence'), $next, false)")
    }

    var insertAuditEvent: PostgresStatement {
        PostgresStatement(
            "insertAuditEvent", .write,
            """
            INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            VALUES ($app, \(QuotedTables.auditValues))
            """)
    }

    fileprivate var putRestoreNumber: PostgresStatement {
        PostgresStatement(
            "putRestoreNumber", .alone,
            """
            INSERT INTO \(tables.values) (app_id, tenant_id, name, value, created_at_time) \
            VALUES ('public', 'public', '\(StoredValueName.restoreNumber.rawValue)', $number, $time) \
            ON CONFLICT (app_id, tenant_id, name) DO UPDATE SET value = excluded.value
            """)
    }

    fileprivate var selectSomeHandles: PostgresStatement {
        PostgresStatement(
            "selectSomeHandles", .read,
            """
            SELECT session_handle FROM \(tables.sessions) WHERE app_id = $app AND \(tables.isNotCutOff) LIMIT 2000
            """)
    }
}
