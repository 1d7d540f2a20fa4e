// A worker of a queue: takes one message, works, acknowledges. Usage: worker URL TOPIC GROUP
// Nothing but System.Net.Http; what little JSON there is to read is read by hand, so that any compiler will do.
using System;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Text.RegularExpressions;

static class Worker
{
    static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(40) };

    /// The answer, or an empty text when there is none.
    static string Post(string url, string body)
    {
        var content = new StringContent(body, Encoding.UTF8, "application/json");
        var answer = Http.PostAsync(url, content).GetAwaiter().GetResult();
        var text = answer.Content == null ? "" : answer.Content.ReadAsStringAsync().GetAwaiter().GetResult();
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException((int)answer.StatusCode + " " + url + ": " + text);
        return answer.StatusCode == HttpStatusCode.NoContent ? "" : text;
    }

    /// The text of a field; null when it is not there.
    static string Field(string json, string name)
    {
        var found = Regex.Match(json, "\"" + name + "\":\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");
        return found.Success ? Regex.Unescape(found.Groups[1].Value) : null;
    }

    static void Main(string[] args)
    {
        var topic = Uri.EscapeDataString(args[1]);
        var group = Uri.EscapeDataString(args[2]);
        var receive = args[0] + "/q/v1/topics/" + topic + "/groups/" + group + ":receive";
        var settle = "{}";
        while (true)
        {
            // What became of the last message goes with the question for the next.
            var answer = Post(receive, "{\"wait_ms\": 1000, \"settle\": " + settle + "}");
            var messages = answer.Contains("\"delivery_count\"");
            if (!messages)
                return;
            var lease = Field(answer, "lease");
            var value = Field(answer, "value");
            if (value == "poison")
            {
                settle = "{\"reject\": [{\"lease\": \"" + lease + "\", \"reason\": \"poison\"}]}";
                continue;
            }
            // The work takes long: the old lease ends, and a new one is given.
            lease = Field(Post(args[0] + "/q/v1/leases/" + lease + ":extend", "{\"lease_ms\": 60000}"), "new_lease");
            Console.WriteLine(value);
            settle = "{\"ack\": [\"" + lease + "\"]}";
        }
    }
}
