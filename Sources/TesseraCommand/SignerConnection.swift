import CoreConfiguration
import Logging
import SignerAgent

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
            case .notDeleted(let name):
                let words = "a private key may still be at the signer: 'tessera signer delete \(name)'"
                if let logger { logger.warning("\(words)", metadata: place) } else { Console.complain(words + "\n") }
            }
        }
    }
}
