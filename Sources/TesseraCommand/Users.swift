import ArgumentParser
import CoreServer
import Foundations
import SessionEngine
import SessionStorage

/// `tessera users`: what an operator does about a user.
struct Users: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Erase what is kept about a user.", subcommands: [Forget.self])

    /// `tessera users forget`.
    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erase a user: end the sessions, and take the user's id out of all that is kept.",
            discussion: """
                Works on the data folder, whether a core runs on it or not, or on the PostgreSQL database, whichever the \
                configuration or the environment names. The entries of the audit log stay, with a pseudonym that \
                cannot be turned back into the id, and the chain over them stays whole. It cannot be undone; running it again does no harm.
                """)

        @Argument(help: "The user's id.")
        var user: String

        @OptionGroup var options: DataOptions

        @Option(help: "The app.")
        var app = AppID.public.rawValue

        @OptionGroup var confirmation: Confirmation

        func run() async throws {
            try confirmation.ask("What is kept about this user will be erased; it cannot be undone.", for: user)
            try await options.withApps(as: "forget") { apps, isInUse in try await erase(in: apps, waits: isInUse) }
        }

        /// Erases, and once more when running cores have written what they had in memory.
        private func erase(in apps: any AppDirectory, waits: Bool) async throws {
            guard try await apps.names().contains(AppID(app)) else { throw Failure("there is no app '\(app)'") }
            let storage = apps.storage(of: AppID(app))
            var done = try await erase(in: storage)
            if waits {
                try await Task.sleep(for: AuditChaining.flushInterval + .seconds(1))
                done.add(try await erase(in: storage))
            }
            try await note(done, in: storage)
            print("Erased \(user)")
            print("  Sessions ended   \(done.sessions)")
            print("  Audit entries    \(done.entries)\(done.pseudonym.map { " have the pseudonym \($0)" } ?? "")")
            print("  Last activity    \(done.wasSeen ? "removed" : "none was known")")
        }

        private func erase(in storage: any SessionStorage) async throws(StorageError) -> ErasureProgress {
            let time = ClockAndRandomness.system.time()
            var done = ErasureProgress()
            repeat {
                let next = try await storage.eraseUser(
                    UserID(user), audit: Revocation(by: .administrator, .all, at: time), limit: 200)
                done.add(next)
                // Others write between two parts.
                if !next.isDone { await ClockAndRandomness.system.pause(Milliseconds(5)) }
            } while !done.isDone
            return done
        }

        private func note(_ done: ErasureProgress, in storage: any SessionStorage) async throws(StorageError) {
            guard done != ErasureProgress(isDone: true) else { return }
            let event = AuditEvent.userErased(
                done.pseudonym, sessions: Int64(done.sessions), entries: Int64(done.entries),
                at: ClockAndRandomness.system.time())
            try await storage.addAuditEvent(event)
        }
    }
}
