import ArgumentParser
import CoreConfiguration
import SessionEngine
import SessionService
import SessionStorage

/// `tessera keys`: the keys that sign.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show, rotate, retire and encrypt signing keys.",
        discussion: """
            Works on the data folder or the PostgreSQL database that the configuration names, whether cores run on it or \
            not: they follow within a second.
            """,
        subcommands: [List.self, Rotate.self, Retire.self, DropStatic.self, Encrypt.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the keys and what each is used for.")

        @OptionGroup var options: KeyOptions

        func run() async throws {
            let (keys, _) = try await options.open()
            let entries = try await options.reporting { try await keys.list() }
            for entry in entries { print(entry.line) }
            if entries.isEmpty { print("There are no keys yet; a core makes them when it starts.") }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new key ahead of its time.",
            discussion: """
                It is published at once and signs when no verifier can have a key set without it in its cache. A key that \
                has leaked is to be retired instead.
                """)

        @OptionGroup var options: KeyOptions

        @Flag(help: "A static key, for sessions that use one.")
        var `static` = false

        func run() async throws {
            let (keys, left) = try await options.open()
            do {
                let entry = try await options.reporting { try await keys.rotate(`static` ? .static : .dynamic) }
                print(entry.line)
            } catch {
                try? left.report(after: [])
                throw error
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a key, for example one that has leaked.",
            discussion: """
                Within a second every core refuses tokens that it has signed, and another key signs. The holders of such \
                tokens refresh; no session ends. Verifiers that keep the key set accept its tokens until they read the \
                set again.
                """)

        @OptionGroup var options: KeyOptions
        @OptionGroup var confirmation: Confirmation

        @Argument(help: "The key's name, as 'tessera keys list' shows it.")
        var key: String

        func run() async throws {
            let (keys, left) = try await options.open()
            let entries = try await options.reporting { try await keys.list() }
            guard let entry = entries.first(where: { $0.id.rawValue == key }) else {
                throw Failure("there is no key \(key); 'tessera keys list' shows those that there are")
            }
            try confirmation.ask("The key \(key) will be deleted, and its tokens will be refused.", for: key)
            let wanted = key
            let retired = try await options.reporting { try await keys.retire { id, _ in id.rawValue == wanted } }
            guard !retired.isEmpty else { throw Failure("another process has deleted the key \(key)") }
            print("Retired \(key). Running cores refuse its tokens within a second.")
            try left.report(after: [entry])
        }
    }

    struct DropStatic: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete all static keys.",
            discussion: """
                Sessions that use one get tokens of a new static key when they refresh. Tokens that an application had \
                signed with a static key are refused from then on.
                """)

        @OptionGroup var options: KeyOptions
        @OptionGroup var confirmation: Confirmation

        func run() async throws {
            let (keys, left) = try await options.open()
            let entries = try await options.reporting { try await keys.list() }.filter { $0.kind == .static }
            try confirmation.ask(
                "All static keys of the app \(options.app) will be deleted, and their tokens will be refused.",
                for: options.app)
            let retired = try await options.reporting { try await keys.retire { _, kind in kind == .static } }
            for id in retired { print("Retired \(id.rawValue)") }
            if retired.isEmpty { print("There are no static keys.") }
            try left.report(after: entries.filter { retired.contains($0.id) })
        }
    }

    struct Encrypt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Encrypt all private keys with the first key-encryption key.",
            discussion: """
                For keys that were made before a key-encryption key was configured, and for a new key-encryption key, \
                which is to be put before the old one. Where a key is encrypted, a core refuses one that is not.
                """)

        @OptionGroup var options: KeyOptions
        @OptionGroup var confirmation: Confirmation

        func run() async throws {
            let (place, encryption) = try await options.storage()
            guard let encryption else {
                throw Failure(
                    "no key-encryption key is configured: set key_encryption_key_file, key_encryption_key_command or "
                        + "TESSERA_KEY_ENCRYPTION_KEY")
            }
            var reports: [(app: AppID, report: KeyEncryptionReport)] = []
            for app in try await options.reporting({ try await place.apps() }).map(\.id) {
                let report = try await options.reporting {
                    try await KeyEncryptionReport(reading: place.storage(of: app))
                }
                reports.append((app, report))
            }
            let clear = reports.flatMap { app, report in
                (report.clear + report.external).map { "\($0) of the app \(app.rawValue)" }
            }
            if !clear.isEmpty {
                try confirmation.ask(
                    "These keys are not encrypted: \(clear.joined(separator: ", ")). Are all of them yours? If another "
                        + "program wrote one into the database, delete that row first.", for: "encrypt")
            }
            for (app, _) in reports {
                let count = try await options.reporting {
                    try await encryption.encryptAll(in: place.storage(of: app), of: app)
                }
                print("App \(app.rawValue): \(count) private keys are encrypted")
            }
        }
    }
}

extension KeyAdministration.Entry {
    /// One line for people.
    fileprivate var line: String {
        var words = [id.rawValue, kind.rawValue, algorithm.rawValue, state.rawValue, "made \(createdAt.rfc3339)"]
        if state == .published { words.append("signs from \(signsFrom.rfc3339)") }
        if let verifiesUntil { words.append("verifies until \(verifiesUntil.rfc3339)") }
        if let signerKeyName { words.append("at the signer as \(signerKeyName)") }
        return words.joined(separator: "  ")
    }
}
