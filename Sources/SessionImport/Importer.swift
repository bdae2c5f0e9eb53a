import Foundations
import LosslessJSON
public import SessionEngine
public import SessionStorage

/// Writes what a ``DumpAnalysis`` found into storage; what was written before is left as it is.
public struct Importer: Sendable {
    private let source: any DumpSource
    private let options: ImportOptions
    private let time: Timestamp
    private let storage: @Sendable (AppID) -> any SessionStorage

    /// How many sessions are written at once, so that they share commits and a checkpoint is rare.
    static let batchSize = 2_048
    /// How many bytes of data the sessions of a batch may have; then it is written though it is small.
    static let batchBytes = 8 << 20

    /// Prepares an import.
    ///
    /// - Parameters:
    ///   - source: the dump.
    ///   - options: how to read it.
    ///   - now: sessions that have expired by then are skipped.
    ///   - storage: the target of each app.
    public init(
        of source: any DumpSource, options: ImportOptions = ImportOptions(), now: Timestamp,
        into storage: @escaping @Sendable (AppID) -> any SessionStorage
    ) {
        self.source = source
        self.options = options
        time = now
        self.storage = storage
    }

    /// Writes everything that a plan names.
    ///
    /// It may be run again after it failed; the end is the same.
    ///
    /// - Parameters:
    ///   - plan: of the same dump, read in the same way.
    ///   - rowsDone: how many rows of `session_info` an earlier run has finished.
    ///   - progress: called once the target is known to be the right one and after each batch; what is in it is
    ///     durable. When it throws, the import stops.
    /// - Throws: ``ImportError``; ``ImportError/Kind/targetTaken`` before anything is written when the target has
    ///   another refresh token key.
    public func run(
        _ plan: ImportPlan, after rowsDone: Int = 0,
        progress: (ImportProgress) throws(ImportError) -> Void = { (_) throws(ImportError) in }
    ) async throws(ImportError) -> ImportReport {
        for app in plan.apps { try await writeRefreshTokenKey(of: app) }
        try progress(ImportProgress(bytesRead: 0, rowsDone: rowsDone, sessions: 0))
        var report = ImportReport(skippedRows: min(rowsDone, plan.sessionRows))
        for app in plan.apps { report.keys += try await writeSigningKeys(of: app) }
        try await writeSessions(plan, &report, progress)
        return report
    }

    /// The key decides whether the target is the right one: the first writer of it wins.
    private func writeRefreshTokenKey(of app: ImportPlan.App) async throws(ImportError) {
        guard let key = app.refreshTokenKey else { return }
        let stored = try await attempt { () async throws(StorageError) in
            try await storage(app.id).value(named: .refreshTokenKey) { key.masterKey }
        }
        guard ConstantTime.equals(key.masterKey, stored) else {
            throw ImportError(
                .targetTaken,
                "the target has its own refresh token key for the app \(app.id.rawValue), because it has served already "
                    + "or was imported from another database; import into a fresh data folder")
        }
    }

    private func writeSigningKeys(of app: ImportPlan.App) async throws(ImportError) -> Int {
        let keys = app.signingKeys
        guard !keys.isEmpty else { return 0 }
        let stored = try await attempt { () async throws(StorageError) in
            try await storage(app.id).updateSigningKeys { _ in SigningKeyChange(adding: keys) }
        }
        let differing = keys.first { key in
            stored.contains { $0.id == key.id && $0.privateKeyDER != key.privateKeyDER }
        }
        if let differing {
            throw ImportError(
                .targetTaken,
                "the target has another signing key \(differing.id.rawValue); import into a fresh data folder"
            )
        }
        return keys.count
    }

    private func writeSessions(
        _ plan: ImportPlan, _ report: inout ImportReport, _ progress: (ImportProgress) throws(ImportError) -> Void
    ) async throws(ImportError) {
        var reader = DumpReader(try source.open(), selection: options.tables)
        let mapping = options.mapping(at: time)
        var batch: [PendingSession] = []
        var bytes = 0
        var rows = 0
        while let row = try reader.nextRow() {
            guard row.layout.table == .sessions else { continue }
            rows += 1
            if rows <= report.skippedRows { continue }
            switch try mapping.outcome(of: row) {
            case .session(let app, let record):
                batch.append(PendingSession(app: app, record: record, line: row.line))
                bytes += batch.last?.size ?? 0
            case .expired: report.expired += 1
            case .refused(let refusal): report.refused.add(refusal, line: row.line)
            }
            if batch.count == Self.batchSize || bytes >= Self.batchBytes {
                bytes = 0
                try await flush(&batch, &report)
                try progress(ImportProgress(bytesRead: reader.position, rowsDone: rows, sessions: report.imported))
            }
        }
        try await flush(&batch, &report)
        guard options.fingerprint(of: reader) == plan.fingerprint else {
            throw ImportError(.damaged, "the dump changed while it was being read; run the import again")
        }
        try progress(ImportProgress(bytesRead: reader.position, rowsDone: rows, sessions: report.imported))
    }

    private func flush(_ batch: inout [PendingSession], _ report: inout ImportReport) async throws(ImportError) {
        let writes = batch.map { session in (session, storage(session.app)) }
        batch.removeAll(keepingCapacity: true)
        let results = await withTaskGroup(of: Result<PendingSession.Written, StorageError>.self) { group in
            for (session, storage) in writes {
                group.addTask {
                    do throws(StorageError) { return .success(try await session.write(to: storage)) } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for result in results {
            report.add(try await attempt { () async throws(StorageError) in try result.get() })
        }
    }

    private func attempt<Value>(
        _ body: () async throws(StorageError) -> Value
    ) async throws(ImportError) -> Value {
        do throws(StorageError) { return try await body() } catch {
            throw ImportError(.storage, "\(error.detail); run the same import again to continue")
        }
    }
}

/// A session on its way into storage.
struct PendingSession: Sendable {
    let app: AppID
    let record: SessionRecord
    let line: Int

    /// About how many bytes of memory its data take.
    var size: Int { record.accessTokenPayload.text.utf8.count + record.sessionData.text.utf8.count }

    /// What became of it.
    enum Written: Sendable {
        case imported
        case alreadyThere
        case newerThere
        case taken(line: Int)
    }

    /// Adds the session; one that is there already is left alone, because it may have been refreshed since.
    func write(to storage: any SessionStorage) async throws(StorageError) -> Written {
        do throws(StorageError) {
            try await storage.insert(record)
            return .imported
        } catch {
            guard error.code == .alreadyExists else { throw error }
        }
        guard let stored = try await storage.session(record.handle) else { return .newerThere }
        if stored == record { return .alreadyThere }
        let isSame = stored.userID == record.userID && stored.tenantID == record.tenantID
        // A session that was added after its user's were all ended is stored as created after that.
        return isSame && stored.createdAt >= record.createdAt ? .newerThere : .taken(line: line)
    }
}
