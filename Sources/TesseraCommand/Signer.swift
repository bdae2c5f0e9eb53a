import ArgumentParser
import CoreConfiguration
import Dispatch
import Foundations
import Logging
import OperatorLog
import PlatformLibC
import SessionEngine
import SessionService
import SignerAgent

/// `tessera signer`: private keys in a process of their own.
struct Signer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep private signing keys in a process of their own, and sign for cores.",
        discussion: """
            A core whose configuration has 'signer: unix:SOCKET' has its tokens signed here, and has no private signing key \
            itself. Run it as another user than the core (docs/signers.md).
            """,
        subcommands: [Run.self, Keys.self, Delete.self], defaultSubcommand: Run.self)

    /// Where the signer is.
    struct Place: ParsableArguments {
        @Option(help: "The Unix socket.")
        var listen: String

        func asked<Result>(_ body: (AgentSigner) async throws(SigningError) -> Result) async throws -> Result {
            let signer = AgentSigner(AgentSigner.Settings(path: Paths.absolute(listen), connections: 0))
            do throws(SigningError) { return try await body(signer) } catch {
                throw Failure(
                    error == .signerRefused
                        ? "the signer at \(listen) refuses that; its log says why"
                        : "the signer at \(listen) has not done that: it does not run, does not answer this user (--user), or could "
                            + "not, and then its log says why")
            }
        }
    }

    struct Keys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the keys that a running signer has.")

        @OptionGroup var place: Place

        func run() async throws {
            for key in try await place.asked({ signer throws(SigningError) in try await signer.keys() }) {
                let time = Timestamp(milliseconds: key.createdAt).rfc3339
                print("\(key.name)  \(key.id.rawValue)  \(key.algorithm.rawValue)  made \(time)")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a private key of a running signer, for example one that no core uses any more.",
            discussion: "To retire a key that is in use, run 'tessera keys retire', which has it deleted here too.")

        @OptionGroup var place: Place
        @OptionGroup var confirmation: Confirmation

        @Argument(help: "The first words of the keys' lines in 'tessera signer keys'.")
        var names: [String]

        func run() async throws {
            let keys = try names.map { name in
                guard let key = Hex.decode(name).flatMap(SignerKeyName.init(bytes:)) else {
                    throw Failure("'\(name)' is no name of a key; 'tessera signer keys' shows them")
                }
                return key
            }
            let (what, word) = keys.count == 1 ? ("The private key", names[0]) : ("Private keys", "\(keys.count) keys")
            try confirmation.ask("\(what) \(names.joined(separator: ", ")) will be deleted for ever.", for: word)
            for key in keys {
                try await place.asked { signer throws(SigningError) in try await signer.deleteKey(key) }
                print("Deleted \(key).")
            }
        }
    }
}

extension Signer {
    /// The signer itself.
    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sign for cores until the process is terminated.")

        @OptionGroup var place: Place

        @Option(
            name: .customLong("keys"),
            help: "The file of the keys, encrypted with the key-encryption key. Without it keys end with the process.")
        var file: String?

        @Option(help: "A file that holds the key-encryption key, 64 hexadecimal digits.")
        var keyEncryptionKeyFile: String?

        @Option(help: "A command that prints the key-encryption key, run by /bin/sh.")
        var keyEncryptionKeyCommand: String?

        @OptionGroup var device: SignerDevice

        @Option(help: "A user whose processes may ask beside this one's: a name or a number. May be repeated.")
        var user: [String] = []

        @Option(help: "The group of the socket, so that the core's user can connect.")
        var group: String?

        @Option(help: "Signatures a second at most.")
        var rate = 10_000

        @Flag(help: "Also sign security events, which have no end, and logout tokens.")
        var events = false

        @Option(help: "The longest life of a token in seconds.")
        var longestLife: Int64 = 3_600

        func validate() throws {
            guard (1...10_000_000).contains(rate), (1...315_360_000).contains(longestLife) else {
                throw ValidationError("--rate is 1 to 10,000,000, --longest-life 1 to 315,360,000 (ten years).")
            }
        }

        func run() async throws {
            signal(SIGPIPE, SIG_IGN)
            Console.claimDescriptors()
            var warnings: [String] = []
            let log = OperatorLogWriter(LogSettings(), warnings: &warnings)
            defer { log.flush() }
            let logger = Logger(label: "signer") { log.handler(label: $0) }
            let problem: VaultError
            do throws(VaultError) {
                guard let fault = try await serve(logger) else {
                    log.flush()
                    _exit(0)
                }
                problem = fault
                logger.critical("the signer ends", metadata: ["reason": "\(fault.description)"])
            } catch {
                problem = error
                logger.critical("the signer cannot start", metadata: ["reason": "\(error.description)"])
            }
            log.flush()
            // A service manager starts it again at once.
            if !problem.isFinal { await ClockAndRandomness.system.pause(.seconds(1)) }
            // EX_CONFIG (sysexits.h): to start it again may lock a device. And never exit(3): what a module does at the end of
            // a process may wait for its device.
            _exit(problem.isFinal ? 78 : 1)
        }

        /// Signs until the end.
        ///
        /// - Returns: why it ended by itself; `nil` where it was terminated.
        private func serve(_ logger: Logger) async throws(VaultError) -> VaultError? {
            let vault = try vault(logger)
            var settings = SignerAgent.Settings(
                rules: SigningRules(longestLife: .seconds(longestLife), allowsEvents: events), rate: rate,
                users: [getuid()])
            for name in user { settings.users.insert(try Self.user(name)) }
            let agent = try SignerAgent(vault, settings) { Self.log($0, logger) }
            let path = Paths.absolute(place.listen)
            let inherited = SignerSocket.inherited()
            let socket =
                if let inherited { inherited } else { try SignerSocket(at: path, group: try group.map(Self.group)) }
            let (ends, end) = AsyncStream<VaultError?>.makeStream()
            let hasThread = SystemThread.start {
                agent.serve(socket.descriptor)
                end.yield(VaultError("no connection can be accepted any more"))
            }
            guard hasThread else { throw VaultError("the system gives no thread") }
            logger.info(
                "the signer is ready",
                metadata: [
                    "socket": "\(path)", "keys": "\(agent.keyCount)", "place": "\(vault.place)",
                    "users": "\(settings.users.sorted())", "rate": "\(rate)", "longestLife": "\(longestLife)",
                ])
            let fault = await Self.first(of: ends, end, watching: vault) { Self.log(agent.takeCounts(), logger) }
            socket.remove()
            if fault == nil { logger.info("the signer ends") }
            return fault
        }

        private func vault(_ logger: Logger) throws(VaultError) -> any KeyVault {
            if let module = try device.open(for: Paths.absolute(place.listen)) { return module }
            let source =
                keyEncryptionKeyFile.map(KeyEncryptionSource.file)
                ?? keyEncryptionKeyCommand.map(KeyEncryptionSource.command)
                ?? getenv("TESSERA_KEY_ENCRYPTION_KEY").map { KeyEncryptionSource.text(String(cString: $0)) }
            let encryption: KeyEncryption?
            do { encryption = try KeyEncryption.read(source) } catch { throw VaultError("\(error)") }
            if file == nil { logger.warning("keys are in memory alone and end with this process: set --keys") }
            let vault = try FileVault(
                path: file.map(Paths.absolute), encryption: encryption,
                signers: RSASigners { logger.info("\($0)") })
            if vault.isNew {
                logger.warning("there is no file of keys yet: new ones are made", metadata: ["file": "\(vault.place)"])
            }
            return vault
        }

        private static func user(_ name: String) throws(VaultError) -> UInt32 {
            if let number = UInt32(name) { return number }
            guard let entry = getpwnam(name) else { throw VaultError("there is no user '\(name)'") }
            return entry.pointee.pw_uid
        }

        private static func group(_ name: String) throws(VaultError) -> gid_t {
            if let number = UInt32(name) { return number }
            guard let entry = getgrnam(name) else { throw VaultError("there is no group '\(name)'") }
            return entry.pointee.gr_gid
        }

        /// Waits for SIGTERM, SIGINT or a fault, and does something every minute and before the end.
        ///
        /// - Returns: the fault.
        private static func first(
            of ends: AsyncStream<VaultError?>, _ end: AsyncStream<VaultError?>.Continuation,
            watching vault: any KeyVault, _ report: @escaping @Sendable () -> Void
        ) async -> VaultError? {
            let queue = DispatchQueue(label: "tessera.signer.end")
            let watch = Task {
                var seconds = 0
                while !Task.isCancelled {
                    await ClockAndRandomness.system.pause(.seconds(1))
                    if let fault = vault.fault(at: .present) { end.yield(fault) }
                    seconds = (seconds + 1) % 60
                    if seconds == 0, !Task.isCancelled { report() }
                }
            }
            let sources = [SIGTERM, SIGINT].map { number in
                signal(number, SIG_IGN)
                return DispatchSource.makeSignalSource(signal: number, queue: queue)
            }
            for source in sources {
                source.setEventHandler { end.yield(nil) }
                source.resume()
            }
            var fault: VaultError?
            for await reason in ends {
                fault = reason
                break
            }
            watch.cancel()
            for source in sources { source.cancel() }
            report()
            return fault
        }

        private static func log(_ event: SignerAgent.Event, _ logger: Logger) {
            switch event {
            case .made(let id, let algorithm):
                logger.notice("a key was made", metadata: ["key": "\(id.rawValue)", "alg": "\(algorithm.rawValue)"])
            case .deleted(let id):
                logger.notice("a key was deleted", metadata: ["key": "\(id?.rawValue ?? "unnamed")"])
            case .vaultFailed(let reason): logger.error("the keys cannot be used", metadata: ["reason": "\(reason)"])
            case .stranger(let user):
                logger.warning(
                    "a process of a user who may not ask was refused",
                    metadata: ["uid": "\(user.map(String.init) ?? "unknown")"])
            }
        }

        private static func log(_ counts: SignerAgent.Counts, _ logger: Logger) {
            guard counts.signed + counts.failed + counts.strangers > 0 || !counts.refused.isEmpty else { return }
            var details: Logger.Metadata = [
                "signed": "\(counts.signed)", "failed": "\(counts.failed)", "strangers": "\(counts.strangers)",
                "connections": "\(counts.connections)",
            ]
            for (reason, count) in counts.refused { details["refused.\(reason)"] = "\(count)" }
            logger.info("signatures", metadata: details)
        }
    }
}
