import ArgumentParser
import CoreConfiguration
import CoreServer
import Foundations
import Logging
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage

#if PostgreSQL
    import PostgresStorage
#endif

/// `tessera audit`: what happened to sessions and keys.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what happened to sessions and keys.",
        discussion: """
            Reads the data folder, whether a core runs on it or not, or the PostgreSQL database, whichever the \
            configuration or the environment names. The newest entries are printed, the oldest of them first. A copy of the log that is \
            kept elsewhere lets 'tessera restore' repeat revocations.
            """)

    @OptionGroup var options: DataOptions

    @Option(help: "The app.")
    var app = AppID.public.rawValue

    @Option(help: "Only entries about the session of this handle.")
    var session: String?

    @Option(help: "Only entries about this user's sessions.")
    var user: String?

    @Option(help: "Only entries of this kind: \(AuditEvent.Name.allCases.map(\.rawValue).joined(separator: ", ")).")
    var event: String?

    @Option(help: "Only entries after this number, the oldest first: for a copy of the log that is kept elsewhere.")
    var after: Int64?

    @Option(help: "How many entries at most.")
    var limit = 50

    @Flag(help: "Print one JSON object a line, as GET /tessera/audit gives them.")
    var json = false

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be greater than 0.") }
        guard event == nil || name != nil else { throw ValidationError("'\(event ?? "")' is no kind of entry.") }
    }

    private var name: AuditEvent.Name? { event.flatMap(AuditEvent.Name.init(rawValue:)) }

    func run() async throws {
        let place = try options.place()
        let query = AuditQuery(
            order: after.map { .oldestFirst(after: $0) } ?? .newestFirst(before: nil),
            handle: session.map(SessionHandle.init), userID: user.map(UserID.init), name: name, limit: limit)
        do throws(StorageError) {
            let records = try await page(query, place)
            for record in after == nil ? records.reversed() : records { print(json ? text(record) : record.line) }
            if records.isEmpty, !json { print("There are no such entries.") }
        } catch {
            throw Failure(error.detail)
        }
    }

    /// As `GET /tessera/audit` gives it, with the app where that is not the public one.
    private func text(_ record: AuditRecord) -> String {
        guard app != AppID.public.rawValue else { return record.json.text }
        return JSONObject([.init(name: "app", value: .string(app))] + record.json.members).text
    }

    private func page(_ query: AuditQuery, _ place: DataPlace) async throws(StorageError) -> [AuditRecord] {
        #if PostgreSQL
            if options.dataDir == nil, let settings = try place.database.map(PostgresSettings.init) {
                let database = try await PostgresDatabase(
                    settings, migrates: false, node: "audit",
                    logger: Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() })
                defer { database.close() }
                return try await database.storage(of: AppID(app)).auditEvents(query)
            }
        #endif
        return try SQLiteAuditReader(folder: Paths.dataFolder(place)).page(query, of: AppID(app))
    }
}

extension AuditRecord {
    /// One line for people; what an application chose is quoted, so that it cannot pass for anything else.
    fileprivate var line: String {
        var words = [event.time.rfc3339, event.name.rawValue]
        if let user = event.userID { words.append("user=\(JSONValue.string(user.rawValue).text)") }
        if let handle = event.handle { words.append("session=\(handle.rawValue)") }
        for detail in event.details.members {
            words.append("\(detail.name)=\(detail.value.string ?? detail.value.text)")
        }
        return words.joined(separator: "  ")
    }
}
