import ArgumentParser
import Foundations
import LosslessJSON
import SessionEngine
import SessionStorage

/// `tessera events`: what waits for the receivers of security events.
struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show, retry and drop security events that wait for their receivers.",
        discussion: """
            Works on the data folder, whether a core runs on it or not, or on the PostgreSQL database, whichever the \
            configuration or the environment names. docs/events.md says what the events are.
            """,
        subcommands: [List.self, Retry.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the streams of an app, what waits for each, and what went wrong last.")

        @OptionGroup var place: EventOptions

        @Flag(help: "Print one JSON object a line.")
        var json = false

        func run() async throws {
            let states = try await place.open { try await $0.eventStreams() }
            for state in states { print(json ? state.json.text : state.line) }
            if states.isEmpty, !json { print("There are no streams: 'event_streams_file' names them.") }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the events of a stream wait again that were given up.")

        @Argument(help: "The stream.")
        var stream: String

        @OptionGroup var place: EventOptions

        func run() async throws {
            let name = try EventOptions.name(stream)
            let count = try await place.open { storage in
                guard try await storage.eventStreams().contains(where: { $0.name == name }) else {
                    throw Failure("there is no stream '\(stream)'")
                }
                return try await storage.reviveEvents(of: name, at: ClockAndRandomness.system.time())
            }
            print("\(count) \(count == 1 ? "event waits" : "events wait") again")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drop a stream with all that waits for it.",
            discussion: "A stream that the configuration of a running core still names begins again, empty.")

        @Argument(help: "The stream.")
        var stream: String

        @OptionGroup var place: EventOptions
        @OptionGroup var confirmation: Confirmation

        func run() async throws {
            let name = try EventOptions.name(stream)
            try confirmation.ask("What waits for this stream will be dropped; it cannot be undone.", for: stream)
            guard let count = try await place.open({ try await $0.removeStream(name) }) else {
                throw Failure("there is no stream '\(stream)'")
            }
            print("Removed \(stream) with \(count) \(count == 1 ? "event" : "events")")
        }
    }
}

/// Where the streams of one app are.
struct EventOptions: ParsableArguments {
    @OptionGroup var options: DataOptions

    @Option(help: "The app.")
    var app = AppID.public.rawValue

    /// Opens the storage of the app, and closes it afterwards.
    func open<Result>(_ body: (any EventOutbox) async throws -> Result) async throws -> Result {
        try await options.withApps(as: "events") { apps, _ in
            guard try await apps.names().contains(AppID(app)) else { throw Failure("there is no app '\(app)'") }
            return try await body(apps.storage(of: AppID(app)))
        }
    }

    static func name(_ text: String) throws -> EventStreamName {
        guard let name = EventStreamName(text) else {
            throw Failure("a stream has a name of 1 to 64 of a to z, 0 to 9, - and _")
        }
        return name
    }
}

extension EventStreamState {
    /// One line for people.
    fileprivate var line: String {
        var words = [name.rawValue, "pending=\(pending)", "dead=\(dead)"]
        if let oldestPending { words.append("oldest=\(oldestPending.rfc3339)") }
        if let lastDelivery { words.append("delivered=\(lastDelivery.rfc3339)") }
        if let lastError { words.append("error=\(JSONValue.string(lastError).text)") }
        return words.joined(separator: "  ")
    }

    fileprivate var json: JSONObject {
        func time(_ time: Timestamp?) -> JSONValue { time.map { .integer($0.milliseconds) } ?? .null }
        return [
            "stream": .string(name.rawValue), "pending": .integer(pending), "dead": .integer(dead),
            "oldestPending": time(oldestPending), "lastDelivery": time(lastDelivery),
            "lastError": lastError.map { .string($0) } ?? .null,
        ]
    }
}
