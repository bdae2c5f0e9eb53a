import Foundations
import PlatformLibC
import SessionEngine
import SessionService
import SignerAgent
import TestSupport

/// An agent of this process at a socket in a folder of its own, with connections to it.
final class RunningAgent: Sendable {
    let folder: TemporaryFolder
    let agent: SignerAgent
    let signer: AgentSigner
    let path: String
    private let socket: SignerSocket

    init(
        vault: (any KeyVault)? = nil, rate: Int = 100_000, users: Set<UInt32> = [getuid()],
        steady: @escaping @Sendable () -> MonotonicTime = { .present }, deadline: Duration = .seconds(20),
        onAgentEvent: @escaping @Sendable (SignerAgent.Event) -> Void = { _ in },
        onEvent: @escaping @Sendable (AgentSigner.Event) -> Void = { _ in }
    ) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/s"
        var settings = SignerAgent.Settings(
            rules: SigningRules(longestLife: .seconds(3_600)), rate: rate, users: users)
        settings.steady = steady
        agent = try SignerAgent(
            vault ?? FileVault(path: nil, encryption: nil), settings, onEvent: onAgentEvent)
        socket = try SignerSocket(at: path, group: nil)
        let (agent, descriptor) = (agent, socket.descriptor)
        // Who accepts on it closes it: its number is another socket's from then on.
        _ = SystemThread.start {
            agent.serve(descriptor)
            close(descriptor)
        }
        var asking = AgentSigner.Settings(path: path, deadline: deadline)
        asking.pauseOfCommands = .zero
        signer = AgentSigner(asking, onEvent: onEvent)
    }

    deinit {
        signer.close()
        shutdown(socket.descriptor, Int32(SHUT_RDWR))
    }

    /// What a token of now would be signed over.
    static func input(_ key: KeyID, _ algorithm: SigningAlgorithm, subject: String = "u") -> [UInt8] {
        let now = ClockAndRandomness.system.time().wholeSeconds
        let header = #"{"kid":"\#(key.rawValue)","typ":"JWT","version":"5","alg":"\#(algorithm.rawValue)"}"#
        let payload = #"{"sub":"\#(subject)","iat":\#(now),"exp":\#(now + 60)}"#
        return Base64.url.encode(Array(header.utf8)) + [0x2E] + Base64.url.encode(Array(payload.utf8))
    }
}
