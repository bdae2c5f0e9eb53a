import Foundations
import Synchronization
import TestSupport
import Testing

@testable import SessionEngine
@testable import SessionService

/// The derivation of a refresh token's key is the dearest part of a refresh after the signature: once for the presented
/// token, once for its successor, and never more, however often storage asks for the decision.
struct DerivationCountTests {
    private final class Counter: Sendable {
        let count = Mutex(0)
    }

    private func derivations(_ body: () async throws -> Void) async throws -> Int {
        let counter = Counter()
        try await RefreshTokenKey.$onDerivation.withValue({ counter.count.withLock { $0 += 1 } }) {
            try await body()
        }
        return counter.count.withLock { $0 }
    }

    @Test("a sign-in derives once, a verification never")
    func createAndVerify() async throws {
        let world = try await World()
        var token = ""
        #expect(try await derivations { token = try await world.create().accessToken.exposed } == 1)
        #expect(
            try await derivations {
                _ = try await world.service.verify(.init(accessToken: token, checksDatabase: true))
            } == 0)
    }

    @Test(
        "a refresh derives twice: the first, one in an open window, one that is a first use",
        arguments: [Refresh.SuccessorPolicy.deterministic, .random], [false, true])
    func refresh(_ successorPolicy: Refresh.SuccessorPolicy, _ rotatesAtOnce: Bool) async throws {
        var policy = World.policy
        policy.successorPolicy = successorPolicy
        let world = try await World(policy: policy)
        var token = try await world.create().refreshToken
        for step in 0..<3 {
            for _ in 0..<(rotatesAtOnce ? 1 : 2) {
                let presented = token
                var next: RefreshToken?
                let count = try await derivations {
                    let request = PresentedRefreshToken(
                        refreshToken: presented, rotation: rotatesAtOnce ? .atOnce : .atFirstUse)
                    guard case .refreshed(let tokens) = try await world.service.refresh(request) else { return }
                    next = tokens.refreshToken
                }
                #expect(count == 2, "step \(step)")
                world.clock.advance(by: Milliseconds(1))
                if rotatesAtOnce { token = try #require(next) } else { #expect(next != nil) }
            }
            guard !rotatesAtOnce else { continue }
            guard case .refreshed(let tokens) = try await world.service.refresh(.init(refreshToken: token)) else {
                Issue.record("no tokens")
                return
            }
            token = tokens.refreshToken
        }
    }

    @Test("a token that is not ours derives at most once, and one of another form never")
    func refused() async throws {
        let world = try await World()
        let sealed = Base64.standard.encodedText([UInt8](repeating: 7, count: 60))
        let presented = ["", "a.b.V2", "\(sealed).n.V1", "\(sealed).n.V2"]
        var counts: [Int] = []
        for text in presented {
            counts.append(
                try await derivations {
                    _ = try await world.service.refresh(.init(refreshToken: RefreshToken(text)))
                })
        }
        #expect(counts == [0, 0, 0, 1])
    }
}
