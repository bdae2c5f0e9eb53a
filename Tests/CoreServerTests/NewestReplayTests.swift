import CoreServer
import Foundations
import SessionEngine
import SessionService
import TestSupport
import Testing

/// The conversations at CDI 5.6, whose rules look at the clock, repeated with a clock that the test moves.
struct NewestReplayTests {
    private static func run(
        _ name: String, settings: CoreSettings = CoreSettings(), policy: SessionPolicy = SessionPolicy(),
        differences: [Replay.Difference] = [],
        through last: Int = .max, pauseBefore: (String) -> Bool = { _ in false }
    ) async throws -> Replay {
        let clock = TestClock()
        let dice = TestDice(seed: 56)
        let core = try await Core.value(
            settings: settings, policy: policy.likeSuperTokens,
            clock: ClockAndRandomness(time: { clock.now }, randomBits: { dice.next() }))
        var replay = Replay(differences: differences, ignoresLifetimes: true)
        for step in try CurlRecording(name).steps where step.exchange.number <= last {
            clock.advance(by: pauseBefore(step.title) ? .seconds(2) : Milliseconds(20))
            try await replay.run([step.exchange]) { try await core.send($0) }
        }
        return replay
    }

    private static let differences: [Replay.Difference] = [
        .init(reason: "TRACE is a method like any other that a path lacks") {
            $0.request.method == "TRACE"
        } expects: {
            $0.status == 405 && $0.body == "Method not supported\n"
        },
        .init(reason: "regenerating a token that is none is a refusal, not a failure of the core (11.2)") {
            $0.status == 500 && $0.request.path == "/recipe/session/regenerate"
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"UNAUTHORISED\"")
        },
        .init(reason: "a path of the first generation is known, and its drivers do not speak 5.6 (1.9)") {
            $0.request.path == "/session"
        } expects: {
            $0.status == 400 && $0.body == "cdi-version 5.6 not supported\n"
        },
    ]

    @Test("the conversation of core 12.1.1 agrees, exchange by exchange")
    func conversation() async throws {
        // From 161 on the recorded core had an API key and other lifetimes.
        let replay = try await Self.run("tr-12.1.1", differences: Self.differences, through: 160)
        #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
        #expect(replay.used.count == Self.differences.count, "an intended difference is no longer one")
    }

    @Test("rotation with one second of grace agrees with core 12.1.1")
    func rotation() async throws {
        let policy = SessionPolicy(rotationGracePeriod: .seconds(1))
        // The last path was rewritten by curl before it was sent.
        let replay = try await Self.run("tr-12.1.1-rotation", policy: policy, through: 40) {
            $0.contains("outside the 1 s grace")
        }
        #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
    }

    @Test("tampered tokens are answered as cores 12.1.1 and 2.5.2 do", arguments: ["12.1.1", "2.5.2"])
    func tampered(core: String) async throws {
        var settings = CoreSettings()
        settings.usesAntiCSRF = true
        settings.cookies.domain = "localhost"
        settings.cookies.refreshTokenPath = "/refresh"
        let refusal = Replay.Difference(
            reason: "a refresh token that is not base64 is a refusal, not a failure of the core (11.2)"
        ) {
            $0.status == 500
        } expects: {
            $0.status == 200 && $0.body.contains("Illegal base64 character 21")
        }
        let goesOn = Replay.Difference(reason: "so the session goes on (finding R3)") {
            $0.title.contains("#11") && $0.body.contains("UNAUTHORISED")
        } expects: {
            $0.status == 200 && $0.body.contains("\"status\":\"OK\"")
        }
        let replay = try await Self.run(
            "tr-\(core)-tampered", settings: settings, differences: [refusal, ReplayTests.versionSuffix, goesOn])
        #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
    }
}
