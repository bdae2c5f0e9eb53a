import Hummingbird
import TesseraHummingbirdTesting
import Testing

@testable import Hello

@Test func aSessionLastsUntilSignOut() async throws {
    let test = try await TestSessions()
    try await application(test.sessions).test(.router) { client in
        let (phone, laptop) = (try TestBrowser(client, test), try TestBrowser(client, test))
        #expect(try await phone.get("/me").status == .unauthorized)
        try await phone.post("/login")
        try await laptop.post("/login")
        test.clock.advance(by: .hours(30))
        #expect(try await phone.get("/me").text == "You are alice")
        try await laptop.post("/sign-out-everywhere")
        #expect(try await phone.get("/me").status == .unauthorized)
    }
}
