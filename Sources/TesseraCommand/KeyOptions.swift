import ArgumentParser
import CoreConfiguration
import CoreServer
import Logging
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import SignerAgent

#if PostgreSQL
    import PostgresStorage
#endif
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The options of commands that work on keys.
struct KeyOptions: ParsableArguments {
    @OptionGroup var data: DataOptions

    @Option(help: "The app.")
    var app = AppID.public.rawValue

    /// The apps in storage, and what encrypts their keys.
    func storage() async throws -> (apps: any AppDirectory, encryption: KeyEncryption?) {
        let configuration = try configuration()
        let encryption = try KeyEncryption.read(configuration.keyEncryption)
        return (try await reporting { try await directory(configuration) }, encryption)
    }

    private func configuration() throws -> OperatorConfiguration {
        try ConfigurationFiles.configuration(
            data.config, OperatorConfiguration.Flags(dataDirectory: data.dataDir))
    }

    private func directory(_ configuration: OperatorConfiguration) async throws -> any AppDirectory {
        #if PostgreSQL
            if data.dataDir == nil, let settings = try configuration.database.map(PostgresSettings.init) {
                let database = try await PostgresDatabase(
                    settings, migrates: false, node: "keys",
                    logger: Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() })
                return database.apps
            }
        #endif
        return try SQLiteDatabase(beside: Paths.dataFolder(configuration)).apps
    }

    /// The keys of the app, and what a command leaves at a signer.
    func open() async throws -> (keys: KeyAdministration, left: KeysLeft) {
        let (apps, encryption) = try await storage()
        let id = AppID(app)
        guard let record = try await reporting({ try await apps.app(id) }) else {
            throw Failure("there is no app \(app)")
        }
        let store = EncryptedKeyStore(apps.storage(of: id), of: id, with: encryption) { refused in
            Console.complain("\(refused.reason)\n")
        }
        let signer = AgentSigner.of(try configuration(), nil)
        let left = KeysLeft(hasSigner: signer != nil)
        let pool = SigningKeyPool(external: signer.map { CommandSigner(signer: $0, left: left) })
        return (KeyAdministration(store: store, policy: try await policy(of: record), keyPool: pool), left)
    }

    /// What was decided about the app's sessions, by the app itself or for all.
    private func policy(of record: AppRecord) async throws -> SessionPolicy {
        let configuration = try configuration()
        let base = AppSettings(policy: configuration.policy, core: configuration.settings)
        return try await reporting {
            try AppRegistry.settings(of: record, base, configuration.apps.settings).policy
        }
    }

    /// Runs something on storage, with its error in one line.
    func reporting<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as StorageError {
            throw Failure(error.detail)
        } catch ServiceError.storage(let error) {
            throw Failure(error.detail)
        } catch ServiceError.signing(let error) {
            throw Failure(
                error == .signerUnavailable
                    ? "the signer does not answer, or has no key ready: no key was made"
                    : "the signer refuses to make a key; its log says why")
        }
    }
}
