import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

/// Sessions whose tokens are signed outside the process (docs/decisions/0050).
@Suite struct SignerTests {
    private func world(
        policy: SessionPolicy = World.policy
    ) async throws -> (world: World, signer: TestSigner, storage: InMemorySessionStorage) {
        let (signer, storage) = (TestSigner(), InMemorySessionStorage())
        return (try await World(policy: policy, storage: storage, external: signer), signer, storage)
    }

    private func isUnavailable(_ body: () async throws -> some Any) async -> Bool {
        do {
            _ = try await body()
            return false
        } catch {
            return error as? ServiceError == .signing(.signerUnavailable)
        }
    }

    @Test func `Tokens of an external key verify, and no private key is stored`() async throws {
        let (world, signer, storage) = try await world()
        let issued = try await world.create()
        #expect(try await world.verdict(issued.accessToken.exposed) == .valid)
        _ = try await world.refreshed(issued.refreshToken)
        let records = try await storage.signingKeys()
        #expect(!records.isEmpty && signer.signatures >= 2)
        for record in records {
            #expect(PrivateSigningKey.isExternal(storedBytes: record.privateKeyDER))
            for secret in signer.privateKeys {
                #expect(!record.privateKeyDER.indices.contains { record.privateKeyDER[$0...].starts(with: secret) })
            }
        }
    }

    @Test func `Without the signer nothing is created, and what there is verifies`() async throws {
        let (world, signer, storage) = try await world()
        let issued = try await world.create()
        signer.isAway = true
        #expect(await isUnavailable { try await world.create(user: "u2") })
        #expect(try await world.service.handles(of: UserID("u2")).isEmpty)
        #expect(try await world.verdict(issued.accessToken.exposed) == .valid)
        // Another process with the public keys of storage alone.
        let other = try await World(seed: 2, storage: storage, clock: world.clock)
        #expect(try await other.verdict(issued.accessToken.exposed) == .valid)
    }

    @Test(arguments: [true, false])
    func `A signer that is away for longer than the grace period makes no thief`(atOnce: Bool) async throws {
        let (world, signer, storage) = try await world()
        let issued = try await world.create()
        let handle = issued.session.handle
        let before = try await storage.session(handle)
        signer.isAway = true
        for _ in 0..<4 {
            #expect(await isUnavailable { try await world.refresh(issued.refreshToken, atOnce: atOnce) })
            world.clock.advance(by: World.policy.rotationGracePeriod)
        }
        #expect(try await storage.session(handle) == before, "nothing was written")
        signer.isAway = false
        guard case .refreshed = try await world.refresh(issued.refreshToken, atOnce: atOnce) else {
            Issue.record("the client that got 503 is refused")
            return
        }
    }

    @Test func `The first use of a token waits for a signer that is away, and the token is good meanwhile`()
        async throws
    {
        let (world, signer, _) = try await world()
        let issued = try await world.create()
        let next = try await world.refreshed(issued.refreshToken)
        signer.isAway = true
        #expect(try await world.verdict(next.accessToken.exposed) == .valid)
        signer.isAway = false
        #expect(try await world.verdict(next.accessToken.exposed) == .renewed)
    }

    @Test func `A payload is not changed where its token cannot be signed`() async throws {
        let (world, signer, storage) = try await world()
        let issued = try await world.create()
        signer.isAway = true
        #expect(
            await isUnavailable {
                try await world.service.regenerate(accessToken: issued.accessToken.exposed, payload: ["k": "other"])
            })
        let record = try await storage.session(issued.session.handle)
        #expect(try record?.accessTokenPayload.decoded() == ["k": "v"])
    }

    @Test func `A token that was signed for an older state of the session is thrown away`() async throws {
        let (world, signer, _) = try await world()
        let issued = try await world.create()
        let (service, handle) = (world.service, issued.session.handle)
        signer.once { _ = try? await service.replaceData(of: handle, accessTokenPayload: ["k": "newer"]) }
        let signed = signer.signatures
        let next = try await world.refreshed(issued.refreshToken)
        #expect(next.accessToken.visiblePayload?["k"] == "newer")
        #expect(signer.signatures == signed + 2, "once for each state")
    }

    @Test func `A session that is revoked while its token is signed gives none`() async throws {
        let (world, signer, _) = try await world()
        let issued = try await world.create()
        let (service, handle) = (world.service, issued.session.handle)
        signer.once { _ = try? await service.revoke([handle]) }
        guard case .unauthorised(.sessionNotActive) = try await world.refresh(issued.refreshToken) else {
            Issue.record("a revoked session gave a token")
            return
        }
    }

    @Test func `Keys of the process sign until verifiers know one of the signer`() async throws {
        let storage = InMemorySessionStorage()
        let old = try await World(storage: storage)
        let first = try await old.create()
        let signer = TestSigner()
        let world = try await World(seed: 2, storage: storage, clock: old.clock, external: signer)
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
        _ = try await world.create()
        #expect(signer.signatures == 0, "verifiers may have a key set without the new key")
        let whole = World.policy.signingKeyUpdateInterval
        try await world.service.prepareSigningKeys()
        #expect(!signer.keyNames.isEmpty)
        world.clock.advance(by: whole)
        let later = try await world.create()
        #expect(signer.signatures == 1)
        #expect(try await world.verdict(later.accessToken.exposed) == .valid)
        // Back to keys of the process: those of the signer verify and never sign.
        let back = try await World(seed: 3, storage: storage, clock: world.clock)
        #expect(try await back.verdict(later.accessToken.exposed) == .valid)
        let own = try await back.create()
        #expect(try await back.verdict(own.accessToken.exposed) == .valid && signer.signatures == 1)
    }

    @Test func `A key that is retired is deleted at the signer`() async throws {
        let (world, signer, storage) = try await world()
        _ = try await world.create()
        #expect(signer.keyNames.count == 1)
        let keys = KeyAdministration(
            store: storage, policy: World.policy, keyPool: SigningKeyPool(external: signer))
        #expect(try await keys.retire { _, _ in true }.count == 1)
        #expect(signer.keyNames.isEmpty)
    }

    @Test func `A key that the signer has lost is an error and no other key signs`() async throws {
        let (world, signer, _) = try await world()
        _ = try await world.create()
        for name in signer.keyNames { try await signer.deleteKey(name) }
        await #expect(throws: ServiceError.signing(.signerLacksKey)) { try await world.create() }
    }
}
