import CoreServer
import LosslessJSON
import SessionService
import TestSupport
import Testing

/// A session that is made by a driver of one generation, verified by another and refreshed by a third.
struct VersionMatrixTests {
    @Test(
        "every version verifies and refreshes what every other has made: 33 x 33 x 33",
        arguments: Generation.all)
    func everyTriple(creator: Generation) async throws {
        try await Core.run(.value) { core in
            for refresher in Generation.all {
                let journey = Journey(core: core, usesAntiCSRF: refresher.rank % 2 == 0)
                let session = try await journey.create(creator)
                for verifier in Generation.all { try await journey.verify(session, verifier) }
                let child = try await journey.refresh(session, refresher)
                let next = Generation.all[(creator.rank + refresher.rank) % Generation.all.count]
                try await journey.use(child, next)
            }
        }
    }

    @Test("the live server does the same for a sample", arguments: [UInt64(20_261_123), 7])
    func sample(seed: UInt64) async throws {
        try await Core.run(.live) { core in
            var random = SplitMix64(seed: seed)
            for _ in 0..<30 {
                let picks = (0..<4).map { _ in Generation.all[Int(random.next() % UInt64(Generation.all.count))] }
                let journey = Journey(core: core, usesAntiCSRF: random.next() % 2 == 0)
                let session = try await journey.create(picks[0])
                try await journey.verify(session, picks[1])
                try await journey.use(try await journey.refresh(session, picks[2]), picks[3])
            }
        }
    }

    @Test("a token that was used up is caught at every version", arguments: Generation.all)
    func reuse(generation: Generation) async throws {
        try await Core.run(.value) { core in
            for creator in Generation.all where creator.rank % 4 == generation.rank % 4 {
                let journey = Journey(core: core, usesAntiCSRF: false)
                let first = try await journey.create(creator)
                let second = try await journey.refresh(first, generation)
                let third = try await journey.refresh(second, generation)
                _ = try await journey.refresh(third, generation)
                let answer = try await journey.send(generation, "refresh", journey.refreshBody(first))
                #expect(answer["status"] == "TOKEN_THEFT_DETECTED", "\(creator) then \(generation)")
                let names = answer["session"]?.object?.names ?? []
                #expect(names == ["handle", "userId"] + (generation >= "2.21" ? ["recipeUserId"] : []))
                #expect((answer["recentTokenReuseSubtype"] != nil) == (generation >= "5.6"))
            }
        }
    }
}

/// One version of the interface, with what its drivers send and expect, written down from the specification.
struct Generation: Sendable, CustomStringConvertible, Hashable {
    let description: String
    /// The place among all versions, oldest first.
    let rank: Int

    static let all: [Generation] =
        (["1.0"] + (0...21).map { "2.\($0)" } + ["3.0", "3.1", "4.0"] + (0...6).map { "5.\($0)" })
        .enumerated().map { Generation(description: $0.element, rank: $0.offset) }

    static func >= (left: Generation, right: String) -> Bool {
        left.rank >= (all.first { $0.description == right }?.rank ?? .max)
    }

    /// The path of a session call.
    func path(_ call: String) -> String {
        let root = self >= "2.4" ? "/recipe/session" : "/session"
        return call.isEmpty ? root : "\(root)/\(call)"
    }

    var tokenVersion: Int {
        for (first, version) in [("4.0", 5), ("3.0", 4), ("2.21", 3), ("2.0", 2)] where self >= first { return version }
        return 1
    }

    var sessionNames: Set<String> {
        Set(["handle", "userId", "userDataInJWT"]).union(self >= "3.0" ? ["tenantId"] : [])
            .union(self >= "4.0" ? ["recipeUserId"] : [])
    }

    var tokenNames: Set<String> {
        let always: Set<String> = ["token", "expiry", "createdTime"]
        if self >= "2.4" { return always }
        let cookies = always.union(["cookiePath", "cookieSecure"]).union(self >= "2.2" ? [] : ["domain"])
        return self >= "2.0" ? cookies.union(["sameSite"]) : cookies
    }

    var keyNames: Set<String> {
        if self >= "2.21" { return [] }
        let always: Set<String> = ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]
        return self >= "2.9" ? always.union(["jwtSigningPublicKeyList"]) : always
    }
}
