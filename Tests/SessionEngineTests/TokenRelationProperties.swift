import TestSupport
import Testing

@testable import SessionEngine

/// A session and one client of it, on the engine's decisions alone.
private struct Conversation {
    /// A refresh token and the access token that came with it.
    struct Pair: Equatable {
        var token: String
        var parent: String?
        /// The parent that the access token names; `nil` once it was renewed.
        var accessParent: String?
    }

    var record = Sample.record(current: "R0")
    var count = 0

    mutating func refresh(_ pair: Pair) -> Pair? {
        let presented = Refresh.Presented(
            content: Sample.content(parent: pair.parent), hash: Sample.hash(pair.token), antiCSRFToken: nil)
        let name = "R\(count + 1)"
        let rules = Sample.rules(successorPolicy: .random)
        let decided = Refresh.decide(of: presented, against: record, at: Sample.now, rules: rules) { _ in
            Sample.hash(name)
        }
        apply(decided.change)
        guard case .issue = decided.outcome else { return nil }
        count += 1
        return Pair(token: "R\(count)", parent: pair.token, accessParent: pair.token)
    }

    /// Verifies the access token; the result is its replacement, or itself.
    mutating func verify(_ pair: Pair) -> Pair? {
        let claims = Sample.claims(.v5, token: pair.token, parent: pair.accessParent)
        let rules = Verify.Rules(checksDatabase: false, terms: SessionTerms(validity: Sample.validity))
        guard Verify.needsRecord(claims, rules: rules) else { return pair }
        let decided = Verify.decide(of: claims, against: record, at: Sample.now, rules: rules)
        apply(decided.change)
        switch decided.outcome {
        case .valid: return pair
        case .renew: return Pair(token: pair.token, parent: pair.parent, accessParent: nil)
        case .sessionNotActive, .payloadRefused, .superseded, .newerThanSession: return nil
        }
    }

    /// Refreshes and insists on a child.
    mutating func child(of pair: Pair, _ note: Comment) throws -> Pair {
        let child = refresh(pair)
        return try #require(child, note)
    }

    private mutating func apply(_ change: SessionChange) {
        if case .replace(let next) = change { record = next }
        if case .remove = change { record.expiresAt = Sample.now }
    }
}

@Suite("Properties of the lineage rule with random children, as SuperTokens' core has them")
struct TokenRelationProperties {
    @Test("An honest client is never accused", arguments: 0..<200 as Range<UInt64>)
    func honestClient(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var session = Conversation()
        var mine = Conversation.Pair(token: "R0")
        for step in 0..<60 {
            let note: Comment = "seed \(seed), step \(step)"
            if random.chance(percent: 30) {
                let verified = session.verify(mine)
                let renewed = try #require(verified, note)
                if random.chance(percent: 70) { mine = renewed }
                continue
            }
            let replies = try (0..<Int.random(in: 1...4, using: &random)).map { _ in try session.child(of: mine, note) }
            let kept = random.chance(percent: 50) ? replies.first : replies.last
            if random.chance(percent: 70), let kept { mine = kept }
        }
        #expect(session.count > 0)
    }

    @Test(
        "A token whose child was used is reuse for ever, and so are the child's siblings",
        arguments: 0..<200 as Range<UInt64>)
    func usedUpTokens(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var session = Conversation()
        var mine = Conversation.Pair(token: "R0")
        var dead: [Conversation.Pair] = []
        for step in 0..<25 {
            let note: Comment = "seed \(seed), step \(step)"
            let children = try (0..<Int.random(in: 1...3, using: &random)).map { _ in try session.child(of: mine, note)
            }
            let child = try #require(children.randomElement(using: &random))
            dead += [mine] + children.filter { $0 != child }
            if random.chance(percent: 50) {
                let used = session.verify(child)
                #expect(used != nil && used?.accessParent == nil, note)
            } else {
                _ = try session.child(of: child, note)
            }
            mine = child
            for pair in dead.suffix(2) + dead.shuffled(using: &random).prefix(4) {
                // Each on a copy, because reuse ends the session.
                var other = session
                let answer = other.refresh(pair)
                #expect(answer == nil, note)
            }
        }
    }

    @Test("A thief and the owner cannot both continue", arguments: 0..<200 as Range<UInt64>)
    func thief(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var session = Conversation()
        var holders = Array(repeating: Conversation.Pair(token: "R0"), count: 2)
        var uses = [0, 0]
        while uses.contains(0) {
            let who = Int.random(in: 0..<2, using: &random)
            guard let child = session.refresh(holders[who]) else { return }
            _ = session.verify(child)
            holders[who] = child
            uses[who] += 1
        }
        Issue.record("seed \(seed): both went on")
    }
}
