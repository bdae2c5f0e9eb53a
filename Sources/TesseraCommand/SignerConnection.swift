import ArgumentParser
import CoreConfiguration
import Logging
import SessionEngine
import SessionService
import SignerAgent
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension AgentSigner {
    /// The signer that a configuration names; `nil` where the core has the keys.
    ///
    /// - Parameters:
    ///   - configuration: says where its socket is.
    ///   - logger: where it is logged that it does not answer; `nil` for a command, which makes and deletes keys only.
    static func of(_ configuration: OperatorConfiguration, _ logger: Logger?) -> AgentSigner? {
        guard let path = configuration.signer else { return nil }
        // A signer signs what comes by one connection with one processor.
        let connections = logger == nil ? 0 : min(max(2, ProcessInfo.processInfo.activeProcessorCount), 8)
        let settings = Settings(
            path: path, deadline: .seconds(configuration.signerTimeout), connections: connections)
        return AgentSigner(settings) { event in
            let place: Logger.Metadata = ["socket": "\(path)"]
            switch event {
            case .silent:
                logger?.error(
                    "the signer does not answer: sign-ins and refreshes get 503, verifications continue",
                    metadata: place)
            case .greets: logger?.debug("the signer greets: one request tries it", metadata: place)
            case .answers: logger?.notice("the signer answers again", metadata: place)
            case .fails(let reason):
                logger?.error(
                    "the signer does not sign, and its own log says why",
                    metadata: place.merging(["reason": "\(reason)"]) { $1 })
            case .notDeleted(let name):
                logger?.warning(
                    "a private key may still be at the signer: 'tessera signer delete \(name)'", metadata: place)
            }
        }
    }
}

/// The private keys that a command may leave at a signer.
final class KeysLeft: Sendable {
    private let hasSigner: Bool
    private let names = Mutex<[SignerKeyName]>([])

    /// - Parameter hasSigner: whether the configuration names a signer, which is asked to delete them.
    init(hasSigner: Bool) { self.hasSigner = hasSigner }

    /// A key was not deleted, or that is not known.
    func note(_ name: SignerKeyName) { names.withLock { $0.append(name) } }

    /// Says which private halves may be left.
    ///
    /// - Parameter retired: the keys that were retired; without a signer in the configuration those at one are left.
    /// - Throws: `ExitCode` where there are any: a script does not take it for done.
    func report(after retired: [KeyAdministration.Entry]) throws {
        let left = hasSigner ? names.withLock { $0 } : retired.compactMap(\.signerKeyName)
        for name in left {
            Console.complain("Its private half may still be at the signer: 'tessera signer delete \(name)'\n")
        }
        guard left.isEmpty else { throw ExitCode(1) }
    }
}

/// The signer of a command, which notes what it could not delete.
struct CommandSigner: TokenSigner {
    let signer: AgentSigner
    let left: KeysLeft

    func makeKey(_ id: KeyID, _ algorithm: SigningAlgorithm) async throws(SigningError) -> PublicVerificationKey {
        try await signer.makeKey(id, algorithm)
    }

    func signature(over input: [UInt8], by key: SignerKeyName) async throws(SigningError) -> [UInt8] {
        try await signer.signature(over: input, by: key)
    }

    func deleteKey(_ key: SignerKeyName) async throws(SigningError) {
        do throws(SigningError) { try await signer.deleteKey(key) } catch {
            left.note(key)
            throw error
        }
    }
}
