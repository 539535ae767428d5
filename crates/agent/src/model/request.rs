//! Writes a transcript in the form that the model's server reads.

use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls,
    ChatCompletionRequestAssistantMessageArgs, ChatCompletionRequestMessage,
    ChatCompletionRequestMessageContentPartImage, ChatCompletionRequestMessageContentPartText,
    ChatCompletionRequestSystemMessageArgs, ChatCompletionRequestToolMessageArgs,
    ChatCompletionRequestUserMessageArgs, ChatCompletionRequestUserMessageContent,
    ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionToolChoiceOption,
    ChatCompletionTools, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
    FunctionCall, FunctionObject, ImageUrl, ToolChoiceOptions,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::ModelError;
use super::settings::Settings;
use crate::tools::ToolDefinition;
use crate::transcript::{Entry, Image, ModelAnswer, Opening, Transcript};

/// The tools that a model is told of, and whether it may call them now.
pub struct ToolOffer<'a> {
    /// All there are; a server may refuse a transcript with calls of tools it is not told of.
    pub tools: &'a [ToolDefinition],
    /// Whether they may be called.
    pub may_call: bool,
    /// Said last when they may not be called any more.
    pub last_words: Option<&'a str>,
}

pub(super) fn build(
    settings: &Settings,
    transcript: &Transcript,
    offer: &ToolOffer<'_>,
) -> Result<CreateChatCompletionRequest, ModelError> {
    written(settings, transcript, offer).map_err(ModelError::Request)
}

fn written(
    settings: &Settings,
    transcript: &Transcript,
    offer: &ToolOffer<'_>,
) -> Result<CreateChatCompletionRequest, OpenAIError> {
    let mut messages = Vec::new();
    for opening in &transcript.opening {
        messages.push(said_before(opening, settings.sees)?);
    }
    for entry in &transcript.entries {
        messages.push(said_since(entry)?);
    }
    if let Some(words) = offer.last_words {
        messages.push(said_before(&Opening::User(words.to_owned()), settings.sees)?);
    }
    let stream_options =
        ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    let mut request = CreateChatCompletionRequestArgs::default();
    request
        .model(settings.model.as_str())
        .messages(messages)
        .stream(true)
        .stream_options(stream_options);
    if !offer.tools.is_empty() {
        let choice = match offer.may_call {
            true => ToolChoiceOptions::Auto,
            false => ToolChoiceOptions::None,
        };
        request.tools(offer.tools.iter().map(tool).collect::<Vec<_>>());
        request.tool_choice(ChatCompletionToolChoiceOption::Mode(choice));
    }
    request.build()
}

fn said_before(opening: &Opening, sees: bool) -> Result<ChatCompletionRequestMessage, OpenAIError> {
    Ok(match opening {
        Opening::System(text) => {
            ChatCompletionRequestSystemMessageArgs::default().content(text.as_str()).build()?.into()
        }
        Opening::User(text) => {
            ChatCompletionRequestUserMessageArgs::default().content(text.as_str()).build()?.into()
        }
        Opening::Image(Image { name, .. }) if !sees => {
            let words = format!(
                "(The picture {name} was sent too, but you cannot look at pictures. Say so.)"
            );
            said_before(&Opening::User(words), sees)?
        }
        Opening::Image(image) => {
            ChatCompletionRequestUserMessageArgs::default().content(shown(image)).build()?.into()
        }
        Opening::Assistant(text) => ChatCompletionRequestAssistantMessageArgs::default()
            .content(text.as_str())
            .build()?
            .into(),
    })
}

/// A picture travels within the request, as a `data:` address.
fn shown(Image { name, mimetype, bytes }: &Image) -> ChatCompletionRequestUserMessageContent {
    let url = format!("data:{mimetype};base64,{}", STANDARD.encode(bytes));
    let words = ChatCompletionRequestMessageContentPartText {
        text: format!("The picture {name}:"),
        prompt_cache_breakpoint: None,
    };
    let picture = ChatCompletionRequestMessageContentPartImage {
        image_url: ImageUrl { url, detail: None },
        prompt_cache_breakpoint: None,
    };
    ChatCompletionRequestUserMessageContent::Array(vec![words.into(), picture.into()])
}

fn said_since(entry: &Entry) -> Result<ChatCompletionRequestMessage, OpenAIError> {
    Ok(match entry {
        Entry::Said(answer) => said_by_the_model(answer)?,
        Entry::Result(result) => ChatCompletionRequestToolMessageArgs::default()
            .content(result.text.as_str())
            .tool_call_id(result.call_id.as_str())
            .build()?
            .into(),
    })
}

fn said_by_the_model(answer: &ModelAnswer) -> Result<ChatCompletionRequestMessage, OpenAIError> {
    let mut message = ChatCompletionRequestAssistantMessageArgs::default();
    if !answer.text.is_empty() {
        message.content(answer.text.as_str());
    }
    let calls = answer.calls.iter().map(|call| {
        // What the model wrote may be no JSON, and some servers refuse to be told so.
        let arguments = call.parsed().map_or_else(|| "{}".to_owned(), |_| call.arguments.clone());
        let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
        ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall {
            id: call.id.clone(),
            function: FunctionCall { name: call.name.clone(), arguments },
        })
    });
    if !answer.calls.is_empty() {
        message.tool_calls(calls.collect::<Vec<_>>());
    }
    Ok(message.build()?.into())
}

fn tool(definition: &ToolDefinition) -> ChatCompletionTools {
    ChatCompletionTools::Function(ChatCompletionTool {
        function: FunctionObject {
            name: definition.name.clone(),
            description: definition.description.clone(),
            parameters: Some(definition.parameters.clone()),
            strict: None,
        },
    })
}
