CREATE TABLE "conversations" (
	"user_id" text NOT NULL,
	"id" uuid NOT NULL,
	"title" text NOT NULL,
	"folded" text NOT NULL,
	"system" text,
	"model" text,
	"sampling" jsonb,
	"active_leaf" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "conversations_user_id_id_pk" PRIMARY KEY("user_id","id")
);
--> statement-breakpoint
CREATE TABLE "keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"prefix" text NOT NULL,
	"admin" boolean DEFAULT false NOT NULL,
	"requests_per_minute" integer,
	"tokens_per_minute" bigint,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "keys_hash" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"user_id" text NOT NULL,
	"id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"parent_id" uuid,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "messages_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"role" text NOT NULL,
	"content" text NOT NULL,
	"reasoning" text,
	"folded" text NOT NULL,
	"model" text,
	"sampling" jsonb,
	"tokens" jsonb,
	"usage" jsonb,
	"finish_reason" text,
	"reasoning_milliseconds" integer,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "messages_user_id_id_pk" PRIMARY KEY("user_id","id"),
	CONSTRAINT "messages_in_conversation" UNIQUE("user_id","conversation_id","id")
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"id" text PRIMARY KEY NOT NULL,
	"folder" text NOT NULL,
	"user_id" text NOT NULL,
	"name" text NOT NULL,
	"status" text NOT NULL,
	"details" jsonb,
	"started_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage" (
	"user_id" text NOT NULL,
	"key_id" text DEFAULT '' NOT NULL,
	"model" text NOT NULL,
	"minute" timestamp (0) with time zone NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"prompt_tokens" bigint DEFAULT 0 NOT NULL,
	"completion_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"reasoning_tokens" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_user_id_key_id_model_minute_pk" PRIMARY KEY("user_id","key_id","model","minute")
);
--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_conversation" FOREIGN KEY ("user_id","conversation_id") REFERENCES "public"."conversations"("user_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_parent" FOREIGN KEY ("user_id","conversation_id","parent_id") REFERENCES "public"."messages"("user_id","conversation_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "conversations_by_time" ON "conversations" USING btree ("user_id","updated_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "keys_by_user" ON "keys" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "messages_by_parent" ON "messages" USING btree ("user_id","conversation_id","parent_id");--> statement-breakpoint
CREATE INDEX "runs_by_user" ON "runs" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "usage_by_key" ON "usage" USING btree ("key_id","minute") WHERE "usage"."key_id" <> '';