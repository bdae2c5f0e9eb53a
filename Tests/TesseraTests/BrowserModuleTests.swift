import Testing

@testable import TesseraSessions

@Suite("The browser module")
struct BrowserModuleTests {
    @Test("it has at most 18 KiB as it is served, no comments and no dependency")
    func budget() {
        #expect(BrowserModule.text.utf8.count <= 18 * 1_024)
        #expect(BrowserModule.text.utf8.count > 4_096)
        #expect(!BrowserModule.text.contains("import "))
        #expect(!BrowserModule.text.contains("//"))
        #expect(!BrowserModule.text.contains("/**"))
    }
}
