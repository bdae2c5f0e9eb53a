import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

/// What holds where the signer, storage or a clock is not as it should be (docs/decisions/0050).
@Suite struct SignerFaultTests {
    /// A storage with a clock of its own.
    private struct OtherClock: StorageDecorator {
        let base: any SessionStorage
        let clock: TestClock
        let offset: Milliseconds

        func update<Outcome: Sendable>(
            _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
        ) async throws(StorageError) -> Outcome {
            let time = clock.now + offset
            return try await base.update(handle) { record, _ in decide(record, time) }
        }
    }

    /// A storage in which no keys can be written for a while; reading works.
    fileprivate final class NoKeys: StorageDecorator {
        enum Fault: CaseIterable, Sendable {
            /// There is no room.
            case full
            /// The key is written, and the answer is lost.
            case answerLost
            /// The answer is lost, and the key is written after the next reading.
            case writtenLater
            /// Another one of that name is there already.
            case taken
        }

        let base: any SessionStorage = InMemorySessionStorage()
        private let state: Mutex<Fault?>

        init(_ fault: Fault? = .full) { state = Mutex(fault) }

        var fault: Fault? {
            get { state.withLock { $0 } }
            set { state.withLock { $0 = newValue } }
        }

        func updateSigningKeys(
            _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
        ) async throws(StorageError) -> [SigningKeyRecord] {
            guard let fault else { return try await base.updateSigningKeys(decide) }
            let known = try await base.signingKeys()
            let isRead = decide(known).added.isEmpty
            guard !isRead else { return known }
            switch fault {
            case .full: throw StorageError(.full, "no room")
            case .taken: return known
            case .answerLost:
                _ = try await base.updateSigningKeys(decide)
                throw StorageError(.unknownOutcome, "the answer is lost")
            case .writtenLater:
                writesLater.withLock { $0 = decide }
                throw StorageError(.unknownOutcome, "the answer is lost")
            }
        }

        private let writesLater = Mutex<(@Sendable ([SigningKeyRecord]) -> SigningKeyChange)?>(nil)

        /// Writes what is still under way.
        func write() async throws {
            guard let change = writesLater.withLock({ $0 }) else { return }
            _ = try await base.updateSigningKeys(change)
        }
    }

    @Test(arguments: [-5_000, -1_500, 1_500, 5_000] as [Int64])
    func `A database whose clock is another one decides, and no refresh is refused for it`(offset: Int64) async throws {
        let (signer, clock) = (TestSigner(), TestClock())
        let storage = OtherClock(base: InMemorySessionStorage(), clock: clock, offset: Milliseconds(offset))
        let world = try await World(storage: storage, clock: clock, external: signer)
        let issued = try await world.create()
        // Over the ends of sharing windows, and of the grace period.
        for step in 0..<160 {
            let result = try await world.refresh(issued.refreshToken, atOnce: true)
            if step < 20 {
                guard case .refreshed = result else {
                    Issue.record("refused at step \(step): \(result)")
                    return
                }
            }
            clock.advance(by: Milliseconds(497))
        }
    }

    @Test func `A storage that refuses keys has one made at the signer, not one for each sign-in`() async throws {
        let (signer, storage) = (TestSigner(), NoKeys())
        let world = try await World(storage: storage, external: signer)
        for _ in 0..<50 {
            await #expect(throws: ServiceError.self) { try await world.create() }
            world.clock.advance(by: Milliseconds(1_000))
        }
        #expect(signer.keyNames.count == 1)
        storage.fault = nil
        let issued = try await world.create()
        #expect(try await world.verdict(issued.accessToken.exposed) == .valid)
        #expect(signer.keyNames.count == 1)
        let made = try await storage.signingKeys().map(\.createdAt)
        #expect(made == [world.clock.now], "published from now on, whenever its private half was made")
    }

    @Test(arguments: NoKeys.Fault.allCases)
    fileprivate func `A key made by hand that cannot be stored is not left at the signer`(fault: NoKeys.Fault)
        async throws
    {
        let (signer, storage) = (TestSigner(), NoKeys(nil))
        let world = try await World(storage: storage, external: signer)
        _ = try await world.create()
        let before = signer.keyNames
        let keys = KeyAdministration(
            store: storage, policy: World.policy, keyPool: SigningKeyPool(external: signer))
        _ = try await keys.list()
        storage.fault = fault
        let error = await #expect(throws: ServiceError.self) { try await keys.rotate(.dynamic) }
        storage.fault = nil
        try await storage.write()
        let rows = try await storage.signingKeys()
        guard case .storage(let error) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        switch fault {
        case .full, .taken: #expect(signer.keyNames == before && rows.count == before.count)
        case .answerLost, .writtenLater:
            #expect(rows.count == before.count + 1 && signer.keyNames.count == rows.count, "it may be in use")
            #expect(error.detail.contains("'tessera signer delete "))
        }
    }

    @Test func `A signer that makes no keys is asked for one once a second, not by each sign-in`() async throws {
        let signer = TestSigner()
        let world = try await World(external: signer)
        _ = try await world.create()
        // A successor is due.
        world.clock.advance(by: World.policy.signingKeyUpdateInterval + .seconds(-30))
        signer.makesNone = true
        var asked = signer.asked.makeAsyncIterator()
        let before = await asked.next()
        for _ in 0..<50 { _ = try await world.create() }
        #expect(await asked.next() == (before ?? 0) + 1)
        for _ in 0..<50 { _ = try await world.create() }
        #expect(signer.makings == (before ?? 0) + 1)
        world.clock.advance(by: .seconds(1))
        _ = try await world.create()
        #expect(await asked.next() == (before ?? 0) + 2, "one more, a second later")
        world.clock.advance(by: .seconds(1))
        signer.makesNone = false
        _ = try await world.create()
        #expect(await asked.next() == (before ?? 0) + 3)
    }

    @Test func `A sign-in at the moment at which its key is retired is signed with another one`() async throws {
        let (signer, storage) = (TestSigner(), InMemorySessionStorage())
        let world = try await World(storage: storage, external: signer)
        _ = try await world.create()
        let keys = KeyAdministration(store: storage, policy: World.policy, keyPool: SigningKeyPool(external: signer))
        #expect(try await !keys.retire { _, kind in kind == .dynamic }.isEmpty)
        let issued = try await world.create()
        #expect(try await world.verdict(issued.accessToken.exposed) == .valid)
    }

    @Test func `What is no signature is given to no client, and changes nothing`() async throws {
        let signer = TestSigner()
        let world = try await World(external: signer)
        let first = try await world.create()
        let record = try await world.storage.session(first.session.handle)
        signer.isBroken = true
        let broken = ServiceError.signing(.signerUnavailable)
        await #expect(throws: broken) { try await world.create() }
        await #expect(throws: broken) { try await world.refresh(first.refreshToken) }
        #expect(try await world.storage.session(first.session.handle) == record)
        signer.isBroken = false
        #expect(try await world.refreshed(first.refreshToken).session.handle == first.session.handle)
    }

    @Test func `A theft is noticed, once, while the signer is away`() async throws {
        let (signer, storage) = (TestSigner(), InMemorySessionStorage())
        let world = try await World(storage: storage, external: signer)
        let first = try await world.create()
        let second = try await world.refreshed(first.refreshToken)
        _ = try await world.replacement(of: second.accessToken.exposed)
        let third = try await world.refreshed(second.refreshToken)
        _ = try await world.replacement(of: third.accessToken.exposed)
        world.clock.advance(by: .seconds(600))
        signer.isAway = true
        guard case .reuseDetected = try await world.refresh(first.refreshToken) else {
            Issue.record("the theft was not noticed")
            return
        }
        #expect(try await storage.session(first.session.handle) == nil)
        let signed = signer.signatures
        _ = try await world.refresh(first.refreshToken)
        #expect(signer.signatures == signed)
    }

    @Test func `A step-up and an upgrade that cannot be signed change nothing, and are done later`() async throws {
        let signer = TestSigner()
        let world = try await World(external: signer)
        let first = try await world.create()
        var session = NewSession(userID: "", accessTokenPayload: [:], sessionData: ["basket": 1])
        session.isAnonymous = true
        guard case .created(let anonymous) = try await world.service.createSession(session) else {
            Issue.record("no session")
            return
        }
        let handles = [first.session.handle, anonymous.session.handle]
        let stepUp = StepUp(level: "aal2", methods: ["pwd", "otp"], isFull: true)
        let upgrade = Upgrade(to: NewSession(userID: "u2", accessTokenPayload: [:], sessionData: [:]), keepsData: true)
        let tokens = [first, anonymous].map { PresentedRefreshToken(refreshToken: $0.refreshToken) }
        var before: [SessionRecord?] = []
        for handle in handles { before.append(try await world.storage.session(handle)) }
        signer.isAway = true
        let away = ServiceError.signing(.signerUnavailable)
        await #expect(throws: away) { try await world.service.stepUp(stepUp, with: tokens[0]) }
        await #expect(throws: away) { try await world.service.upgrade(upgrade, with: tokens[1]) }
        for (handle, record) in zip(handles, before) { #expect(try await world.storage.session(handle) == record) }
        #expect(try await world.service.handles(of: UserID("u2")).isEmpty)
        signer.isAway = false
        #expect(try await world.service.stepUp(stepUp, with: tokens[0]).tokens != nil)
        #expect(try await world.service.upgrade(upgrade, with: tokens[1]).tokens != nil)
    }

    @Test func `A token is good where the signer has lost its keys and cannot sign the one after it`() async throws {
        let (signer, storage) = (TestSigner(), InMemorySessionStorage())
        let world = try await World(storage: storage, external: signer)
        let next = try await world.refreshed(try await world.create().refreshToken)
        for name in signer.keyNames { try await signer.deleteKey(name) }
        #expect(try await world.verdict(next.accessToken.exposed) == .valid)
    }

    @Test func `Of two cores that begin at once one key is kept at the signer`() async throws {
        let (signer, storage) = (TestSigner(), InMemorySessionStorage())
        let first = try await World(seed: 1, storage: storage, external: signer)
        let second = try await World(seed: 2, storage: storage, clock: first.clock, external: signer)
        async let one = first.create(user: "u1")
        async let other = second.create(user: "u2")
        let tokens = [try await one.accessToken.exposed, try await other.accessToken.exposed]
        for token in tokens {
            #expect(try await first.verdict(token) == .valid)
            #expect(try await second.verdict(token) == .valid)
        }
        let stored = try await storage.signingKeys().compactMap { try $0.signingKey().externalName }
        // The loser's is deleted in the background.
        for _ in 0..<100_000 where signer.keyNames.count > stored.count { await Task.yield() }
        #expect(signer.keyNames == Set(stored))
    }

    @Test func `The key set is published while the signer makes no key of the other kind`() async throws {
        let (signer, storage) = (TestSigner(), InMemorySessionStorage())
        let world = try await World(storage: storage, external: signer)
        _ = try await world.create()
        signer.isAway = true
        #expect(try await storage.signingKeys().map(\.kind) == [.dynamic])
        _ = try await world.service.publishedKeys()
    }
}
