import ArgumentParser
import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import SessionStorage

/// `tessera audit`: what happened to sessions and keys.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what happened to sessions and keys.",
        discussion: """
            Reads the data folder, whether a core runs on it or not, or the PostgreSQL database, whichever the \
            configuration or the environment names. The newest entries are printed, the oldest of them first. A copy of the log that is \
            kept elsewhere lets 'tessera restore' repeat revocations. With --session the reason of its end follows in words.
            """,
        subcommands: [Verify.self])

    @OptionGroup var options: DataOptions

    @Option(help: "The app.")
    var app = AppID.public.rawValue

    @Option(help: "Only entries about the session of this handle.")
    var session: String?

    @Option(help: "Only entries about this user's sessions.")
    var user: String?

    @Option(
        name: [.long, .customLong("kind")],
        help: "Only entries of this kind: \(AuditEvent.Name.allCases.map(\.rawValue).joined(separator: ", ")).")
    var event: String?

    @Option(help: "Only what this actor did: \(AuditActor.allCases.map(\.rawValue).joined(separator: ", ")).")
    var actor: String?

    @Option(help: "Only entries of this time or later: 2026-01-31T09:00:00Z, or 90s, 30m, 2h, 7d, 1w ago.")
    var since: TimeArgument?

    @Option(help: "Only entries before this time, written as for --since.")
    var until: TimeArgument?

    @Option(help: "Only entries after this number, the oldest first: for a copy of the log that is kept elsewhere.")
    var after: Int64?

    @Option(help: "How many entries at most.")
    var limit = 50

    @Flag(
        help: "Print what comes, until Ctrl-C; with --after all after that number, otherwise the newest entries first.")
    var follow = false

    @Flag(help: "Print one JSON object a line, as GET /tessera/audit gives them.")
    var json = false

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be greater than 0.") }
        guard event == nil || name != nil else { throw ValidationError("'\(event ?? "")' is no kind of entry.") }
        guard actor == nil || knownActor != nil else { throw ValidationError("'\(actor ?? "")' is no actor.") }
        guard !follow || until == nil else { throw ValidationError("--follow never ends: leave --until out.") }
    }

    private var name: AuditEvent.Name? { event.flatMap(AuditEvent.Name.init(rawValue:)) }
    private var knownActor: AuditActor? { actor.flatMap(AuditActor.init(rawValue:)) }

    func run() async throws {
        let now = ClockAndRandomness.system.time()
        let query = AuditQuery(
            order: after.map { .oldestFirst(after: $0) } ?? .newestFirst(before: nil),
            handle: session.map(SessionHandle.init), userID: user.map(UserID.init), name: name, actor: knownActor,
            since: since?.time(at: now), until: until?.time(at: now), limit: limit)
        try await AuditPlace.open(options, of: AppID(app)) { place in
            if follow {
                let (app, json) = (app, json)
                return try await AuditFollower(place: place, query: query) { record in
                    Console.prints((json ? record.text(of: app) : record.line) + "\n")
                }.run()
            }
            let records = try await place.page(query)
            for record in after == nil ? records.reversed() : records {
                print(json ? record.text(of: app) : record.line)
            }
            if records.isEmpty, !json { print("There are no such entries.") }
            if let session, !json { try await printEnd(of: SessionHandle(session), place) }
        }
    }

    /// Says in words why the session ended.
    private func printEnd(of handle: SessionHandle, _ place: AuditPlace) async throws {
        guard let end = try await SessionEnd.find(of: handle, reading: place.page) else {
            return print("No entry says that the session has ended.")
        }
        print("Ended \(end.endedAt.rfc3339): \(end.text).")
    }
}

extension AuditRecord {
    /// As `GET /tessera/audit` gives it, with the app where that is not the public one.
    fileprivate func text(of app: String) -> String {
        guard app != AppID.public.rawValue else { return json.text }
        return JSONObject([.init(name: "app", value: .string(app))] + json.members).text
    }

    /// One line for people; what an application chose is quoted, so that it cannot pass for anything else.
    fileprivate var line: String {
        var words = [event.time.rfc3339, event.name.rawValue]
        if let actor = event.actor { words.append("actor=\(actor.rawValue)") }
        if let means = event.means { words.append("means=\(means.rawValue)") }
        if let user = event.userID { words.append("user=\(JSONValue.string(user.rawValue).text)") }
        if let handle = event.handle { words.append("session=\(handle.rawValue)") }
        for detail in event.details.members {
            words.append("\(detail.name)=\(detail.value.string ?? detail.value.text)")
        }
        return words.joined(separator: "  ")
    }
}
